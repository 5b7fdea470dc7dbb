//! The rules: what can become of a contract, and whom it breaks.

/// A kind of difference between a contract and the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// A field that may be missing came.
    OptionalFieldAdded,
    /// A field that is always there came.
    RequiredFieldAdded,
    /// A field went, or has another name.
    FieldRemoved,
    /// A field that could be missing may not be any more.
    FieldNowRequired,
    /// A field that was always there may be missing.
    FieldNoLongerRequired,
    /// More types.
    TypeWidened,
    /// Fewer types.
    TypeNarrowed,
    /// An enumeration has one value more, or became free.
    ValueAdded,
    /// An enumeration has one value less, or what was free became one.
    ValueRemoved,
    /// A number may be smaller or larger than before.
    RangeWidened,
    /// A number may not be as small or as large as before.
    RangeNarrowed,
    /// A text may be shorter or longer than before.
    LengthWidened,
    /// A text may not be as short or as long as before.
    LengthNarrowed,
    /// A list may have fewer or more items than before.
    CountWidened,
    /// A list may not have as few or as many items as before.
    CountNarrowed,
    /// A text may look as it could not before.
    PatternWidened,
    /// A text may not look as it could before.
    PatternNarrowed,
    /// A text or number is meant to be something else.
    FormatChanged,
    /// There is an alternative that was none.
    AlternativesWidened,
    /// An alternative went.
    AlternativesNarrowed,
    /// A contract went, or is elsewhere.
    ContractRemoved,
}

/// Whom a difference breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Breaks {
    /// Readers of before get documents that they do not understand.
    pub readers: bool,
    /// Documents of before are refused by the readers of now.
    pub writers: bool,
}

impl Rule {
    /// All of them.
    pub const ALL: [Self; 21] = [
        Self::OptionalFieldAdded,
        Self::RequiredFieldAdded,
        Self::FieldRemoved,
        Self::FieldNowRequired,
        Self::FieldNoLongerRequired,
        Self::TypeWidened,
        Self::TypeNarrowed,
        Self::ValueAdded,
        Self::ValueRemoved,
        Self::RangeWidened,
        Self::RangeNarrowed,
        Self::LengthWidened,
        Self::LengthNarrowed,
        Self::CountWidened,
        Self::CountNarrowed,
        Self::PatternWidened,
        Self::PatternNarrowed,
        Self::FormatChanged,
        Self::AlternativesWidened,
        Self::AlternativesNarrowed,
        Self::ContractRemoved,
    ];

    /// The name of its pair of fixtures in `contracts/compatibility/`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::OptionalFieldAdded => "optional-field-added",
            Self::RequiredFieldAdded => "required-field-added",
            Self::FieldRemoved => "field-removed",
            Self::FieldNowRequired => "field-now-required",
            Self::FieldNoLongerRequired => "field-no-longer-required",
            Self::TypeWidened => "type-widened",
            Self::TypeNarrowed => "type-narrowed",
            Self::ValueAdded => "value-added",
            Self::ValueRemoved => "value-removed",
            Self::RangeWidened => "range-widened",
            Self::RangeNarrowed => "range-narrowed",
            Self::LengthWidened => "length-widened",
            Self::LengthNarrowed => "length-narrowed",
            Self::CountWidened => "count-widened",
            Self::CountNarrowed => "count-narrowed",
            Self::PatternWidened => "pattern-widened",
            Self::PatternNarrowed => "pattern-narrowed",
            Self::FormatChanged => "format-changed",
            Self::AlternativesWidened => "alternatives-widened",
            Self::AlternativesNarrowed => "alternatives-narrowed",
            Self::ContractRemoved => "contract-removed",
        }
    }

    /// Whom it breaks. Readers ignore fields that they do not know; contracts forbid writers to add any.
    pub const fn breaks(self) -> Breaks {
        match self {
            Self::OptionalFieldAdded => Breaks { readers: false, writers: false },
            Self::FieldNoLongerRequired
            | Self::TypeWidened
            | Self::ValueAdded
            | Self::RangeWidened
            | Self::LengthWidened
            | Self::CountWidened
            | Self::PatternWidened
            | Self::AlternativesWidened => Breaks { readers: true, writers: false },
            Self::RequiredFieldAdded
            | Self::FieldNowRequired
            | Self::TypeNarrowed
            | Self::ValueRemoved
            | Self::RangeNarrowed
            | Self::LengthNarrowed
            | Self::CountNarrowed
            | Self::PatternNarrowed
            | Self::AlternativesNarrowed => Breaks { readers: false, writers: true },
            Self::FieldRemoved | Self::FormatChanged | Self::ContractRemoved => {
                Breaks { readers: true, writers: true }
            }
        }
    }
}

/// What a contract is of, which says whose documents meet whose readers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Readers of every age hear what is said now, and what was said long ago comes again from an archive.
    Event,
    /// It waits in a queue for a receiver, who is deployed before those that send.
    Command,
    /// Clients of every age ask the door of now.
    Request,
    /// The functions of now answer clients of every age.
    Answer,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Event, Self::Command, Self::Request, Self::Answer];

    /// As messages and fixtures call it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Event => "event",
            Self::Command => "command",
            Self::Request => "request",
            Self::Answer => "answer",
        }
    }

    /// Whether what is written now meets readers of before.
    pub const fn has_older_readers(self) -> bool {
        matches!(self, Self::Event | Self::Answer)
    }

    /// Whether what was written before meets readers of now.
    pub const fn has_older_documents(self) -> bool {
        matches!(self, Self::Event | Self::Command | Self::Request)
    }

    /// Whether such a difference breaks somebody.
    pub const fn is_broken_by(self, rule: Rule) -> bool {
        let breaks = rule.breaks();
        (breaks.readers && self.has_older_readers()) || (breaks.writers && self.has_older_documents())
    }
}
