use data_encoding::BASE64URL_NOPAD;

/// A task's token: what activities' workers and `.waitForTaskToken` tasks are answered with.
///
/// It names the execution and the task, so that whoever receives it finds them without an index, and carries a number
/// from the execution's seed, so that it cannot be made up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// The execution's ARN.
    pub execution: String,
    /// The task's effect.
    pub task: u64,
    pub(crate) secret: u64,
}

impl Token {
    /// The token in this text, if it is one.
    pub fn parse(text: &str) -> Option<Self> {
        let plain = String::from_utf8(BASE64URL_NOPAD.decode(text.as_bytes()).ok()?).ok()?;
        let mut parts = plain.rsplitn(3, '#');
        let secret = u64::from_str_radix(parts.next()?, 16).ok()?;
        let task = parts.next()?.parse().ok()?;
        Some(Self {
            execution: parts.next()?.to_owned(),
            task,
            secret,
        })
    }
}

impl std::fmt::Display for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let plain = format!("{}#{}#{:016x}", self.execution, self.task, self.secret);
        f.write_str(&BASE64URL_NOPAD.encode(plain.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_as_it_was_written() {
        let token = Token {
            execution: "arn:aws:states:r:a:execution:m#odd:n".to_owned(),
            task: 12,
            secret: 0xabc,
        };
        assert_eq!(Token::parse(&token.to_string()), Some(token));
        for text in ["", "???", "bm90IGEgdG9rZW4"] {
            assert_eq!(Token::parse(text), None, "{text}");
        }
    }
}
