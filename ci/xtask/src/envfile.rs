//! The file of shell exports that `make up` writes: `. .local/lakeside.env`.

use std::fmt::Write as _;

/// Shell exports, one variable a line, safe to read by any POSIX shell whatever the values hold.
pub fn render(variables: &[(String, String)]) -> String {
    let mut text =
        String::from("# Written by `make up`; gone after `make down`. Read it with: . .local/lakeside.env\n");
    for (name, value) in variables {
        // Writing to a string cannot fail.
        let _infallible = writeln!(text, "export {name}={}", quote(value));
    }
    text
}

/// Single quotes keep everything but the single quote itself.
fn quote(value: &str) -> String {
    let plain = |character: char| character.is_ascii_alphanumeric() || "-_./:@%+,".contains(character);
    if !value.is_empty() && value.chars().all(plain) {
        value.to_owned()
    } else {
        format!("'{}'", value.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_reads_back_every_value() {
        let values = [
            "plain",
            "",
            "two words",
            "it's $HOME `id` \"quoted\" \\ back",
            "a;b&c|d",
            "http://127.0.0.1:1/x?y=z#f",
            "line\nbreak",
        ];
        let variables: Vec<(String, String)> = values
            .iter()
            .enumerate()
            .map(|(index, value)| (format!("V{index}"), (*value).to_owned()))
            .collect();
        let mut script = render(&variables);
        script.extend(variables.iter().map(|(name, _)| format!("printf '%s\\0' \"${name}\"\n")));
        let output = std::process::Command::new("sh").args(["-c", &script]).output().unwrap();
        let read: Vec<String> =
            String::from_utf8(output.stdout).unwrap().split_terminator('\0').map(str::to_owned).collect();
        assert_eq!(read, values);
    }

    #[test]
    fn simple_values_stay_readable() {
        let text = render(&[("AWS_REGION".into(), "us-east-1".into())]);
        assert!(text.ends_with("\nexport AWS_REGION=us-east-1\n"), "{text}");
    }
}
