//! Of CloudWatch's metric math what the alarms use: numbers, `+ - * /`, comparisons, `IF` and `FILL`.

use std::collections::BTreeSet;

use anyhow::{Context, bail};

/// An expression of metrics by their ids.
#[derive(Clone, Debug, PartialEq)]
pub enum Expression {
    /// A constant.
    Number(f64),
    /// A metric.
    Id(String),
    /// Two operands.
    Binary(Box<Expression>, Operator, Box<Expression>),
    /// The second where the first is not zero, else the third.
    If(Box<Expression>, Box<Expression>, Box<Expression>),
    /// The first where it is there, else the second.
    Fill(Box<Expression>, Box<Expression>),
}

/// What is done with two operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// `+`
    Add,
    /// `-`
    Subtract,
    /// `*`
    Multiply,
    /// `/`
    Divide,
    /// `>`
    Greater,
    /// `<`
    Less,
}

impl Expression {
    /// Reads one, and refuses what is not known here.
    pub fn parse(text: &str) -> anyhow::Result<Self> {
        let mut parser = Parser { tokens: tokens(text)?, position: 0 };
        let expression = parser.comparison()?;
        if parser.position < parser.tokens.len() {
            bail!("`{text}` goes on where it should have ended");
        }
        Ok(expression)
    }

    /// Its value in one period, or nothing where a metric is missing.
    pub fn value(&self, metric: &impl Fn(&str) -> Option<f64>) -> Option<f64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Id(id) => metric(id),
            Self::If(condition, then, otherwise) => {
                let branch = if condition.value(metric)? == 0.0 { otherwise } else { then };
                branch.value(metric)
            }
            Self::Fill(expression, filling) => expression.value(metric).or_else(|| filling.value(metric)),
            Self::Binary(left, operator, right) => {
                let (left, right) = (left.value(metric)?, right.value(metric)?);
                let truth = |is: bool| if is { 1.0 } else { 0.0 };
                Some(match operator {
                    Operator::Add => left + right,
                    Operator::Subtract => left - right,
                    Operator::Multiply => left * right,
                    // CloudWatch has no datapoint where it would divide by zero.
                    Operator::Divide if right == 0.0 => return None,
                    Operator::Divide => left / right,
                    Operator::Greater => truth(left > right),
                    Operator::Less => truth(left < right),
                })
            }
        }
    }

    /// The ids in it.
    pub fn ids(&self) -> BTreeSet<String> {
        match self {
            Self::Number(_) => BTreeSet::new(),
            Self::Id(id) => [id.clone()].into(),
            Self::Binary(left, _, right) | Self::Fill(left, right) => &left.ids() | &right.ids(),
            Self::If(condition, then, otherwise) => &(&condition.ids() | &then.ids()) | &otherwise.ids(),
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Number(f64),
    Word(String),
    Sign(char),
}

fn tokens(text: &str) -> anyhow::Result<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let is_part = |letter: char| letter.is_ascii_alphanumeric() || letter == '_' || letter == '.';
        let length = if is_part(first) {
            rest.find(|letter: char| !is_part(letter)).unwrap_or(rest.len())
        } else {
            first.len_utf8()
        };
        let (token, after) = rest.split_at(length);
        tokens.push(if first.is_ascii_digit() {
            Token::Number(token.parse().with_context(|| format!("`{token}` is no number"))?)
        } else if is_part(first) {
            Token::Word(token.to_owned())
        } else if "+-*/><(),".contains(first) {
            Token::Sign(first)
        } else {
            bail!("`{first}` in `{text}` is not known");
        });
        rest = after.trim_start();
    }
    Ok(tokens)
}

struct Parser {
    tokens: Vec<Token>,
    position: usize,
}

impl Parser {
    fn next(&mut self) -> Option<Token> {
        let token = self.tokens.get(self.position).cloned();
        self.position += 1;
        token
    }

    fn takes(&mut self, sign: char) -> bool {
        let is = self.tokens.get(self.position) == Some(&Token::Sign(sign));
        if is {
            self.position += 1;
        }
        is
    }

    fn wants(&mut self, sign: char) -> anyhow::Result<()> {
        if self.takes(sign) { Ok(()) } else { bail!("a `{sign}` is missing") }
    }

    /// One level of operators that bind alike, over the next tighter one.
    fn level(
        &mut self,
        operators: &[(char, Operator)],
        tighter: fn(&mut Self) -> anyhow::Result<Expression>,
    ) -> anyhow::Result<Expression> {
        let mut left = tighter(self)?;
        while let Some(&(_, operator)) = operators.iter().find(|(sign, _)| self.takes(*sign)) {
            left = Expression::Binary(Box::new(left), operator, Box::new(tighter(self)?));
        }
        Ok(left)
    }

    fn comparison(&mut self) -> anyhow::Result<Expression> {
        self.level(&[('>', Operator::Greater), ('<', Operator::Less)], Self::sum)
    }

    fn sum(&mut self) -> anyhow::Result<Expression> {
        self.level(&[('+', Operator::Add), ('-', Operator::Subtract)], Self::product)
    }

    fn product(&mut self) -> anyhow::Result<Expression> {
        self.level(&[('*', Operator::Multiply), ('/', Operator::Divide)], Self::operand)
    }

    fn operand(&mut self) -> anyhow::Result<Expression> {
        match self.next() {
            Some(Token::Number(number)) => Ok(Expression::Number(number)),
            Some(Token::Sign('(')) => {
                let inner = self.comparison()?;
                self.wants(')')?;
                Ok(inner)
            }
            Some(Token::Word(word)) if word == "IF" => {
                let [condition, then, otherwise] = self.arguments()?;
                Ok(Expression::If(condition, then, otherwise))
            }
            Some(Token::Word(word)) if word == "FILL" => {
                let [expression, filling] = self.arguments()?;
                Ok(Expression::Fill(expression, filling))
            }
            // CloudWatch's functions are in capitals, ids are not.
            Some(Token::Word(word)) if word.starts_with(|letter: char| letter.is_ascii_lowercase()) => {
                Ok(Expression::Id(word))
            }
            other => bail!("{other:?} is no operand that is known"),
        }
    }

    fn arguments<const N: usize>(&mut self) -> anyhow::Result<[Box<Expression>; N]> {
        self.wants('(')?;
        let mut arguments = vec![Box::new(self.comparison()?)];
        while self.takes(',') {
            arguments.push(Box::new(self.comparison()?));
        }
        self.wants(')')?;
        let given = arguments.len();
        arguments.try_into().map_err(|_| anyhow::anyhow!("{N} arguments are wanted, and {given} are given"))
    }
}
