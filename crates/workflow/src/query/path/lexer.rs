use super::Malformed;

/// How many steps a path may have, those in its filters included: selecting recurses.
const MAX_STEPS: usize = 200;

/// A cursor over the characters of a path.
pub(super) struct Lexer<'t> {
    text: &'t str,
    at: usize,
    steps: usize,
}

impl<'t> Lexer<'t> {
    pub fn new(text: &'t str) -> Self {
        Self { text, at: 0, steps: 0 }
    }

    pub fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    pub fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    pub fn is_done(&self) -> bool {
        self.rest().is_empty()
    }

    /// Steps over this text if it comes next.
    pub fn take(&mut self, expected: &str) -> bool {
        let comes = self.rest().starts_with(expected);
        if comes {
            self.at += expected.len();
        }
        comes
    }

    /// Steps over this text, which must come next.
    pub fn expect(&mut self, expected: &str) -> Result<(), Malformed> {
        if self.take(expected) {
            return Ok(());
        }
        Err(self.malformed(&format!("'{expected}' is expected")))
    }

    /// The characters up to the first for which `ends` holds.
    pub fn take_until(&mut self, ends: impl Fn(char) -> bool) -> &'t str {
        let rest = self.rest();
        let length = rest.find(ends).unwrap_or(rest.len());
        self.at += length;
        &rest[..length]
    }

    /// The next character, or nothing at the end.
    pub fn take_one(&mut self) -> &'t str {
        let rest = self.rest();
        let length = self.peek().map_or(0, char::len_utf8);
        self.at += length;
        &rest[..length]
    }

    pub fn skip_blanks(&mut self) {
        self.take_until(|c| !c.is_whitespace());
    }

    /// Steps over this text if it comes after blanks, and over the blanks after it.
    pub fn take_token(&mut self, expected: &str) -> bool {
        let before = self.at;
        self.skip_blanks();
        let comes = self.take(expected);
        if comes {
            self.skip_blanks();
        } else {
            self.at = before;
        }
        comes
    }

    /// The text between this quote, which comes next, and its like; a backslash takes the character after it literally.
    pub fn quoted(&mut self, quote: char) -> Result<String, Malformed> {
        let start = self.at;
        let mut text = String::new();
        let mut characters = self.rest().char_indices().skip(1);
        while let Some((offset, c)) = characters.next() {
            match c {
                '\\' => text.extend(characters.next().map(|(_, escaped)| escaped)),
                c if c == quote => {
                    self.at = start + offset + c.len_utf8();
                    return Ok(text);
                }
                c => text.push(c),
            }
        }
        Err(self.malformed(&format!("the closing {quote} is missing")))
    }

    /// An integer that may be negative.
    pub fn integer(&mut self) -> Result<i64, Malformed> {
        let (before, negative) = (self.at, self.take("-"));
        let digits = self.take_until(|c| !c.is_ascii_digit());
        let number = digits.parse::<i64>().ok();
        number
            .map(|number| if negative { -number } else { number })
            .ok_or_else(|| {
                self.at = before;
                self.malformed("a whole number is expected")
            })
    }

    /// Counts one more step of the path.
    pub fn count_step(&mut self) -> Result<(), Malformed> {
        self.steps += 1;
        if self.steps <= MAX_STEPS {
            return Ok(());
        }
        Err(self.malformed(&format!("the path has more than {MAX_STEPS} steps")))
    }

    pub fn malformed(&self, why: &str) -> Malformed {
        Malformed(format!("{why} at position {}", self.text[..self.at].chars().count()))
    }
}
