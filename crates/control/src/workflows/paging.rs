use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use wisp_core::Result;

use super::Exception;

/// Entries of a page when nothing is asked for, and at most.
const USUAL: usize = 100;
const MOST: usize = 1000;

/// Which page of a list is wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Paging {
    /// Entries at most; 0 and none are the usual number.
    pub limit: Option<i64>,
    /// The token that came with the page before.
    pub token: Option<String>,
}

/// A page of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk<T> {
    /// The entries.
    pub entries: Vec<T>,
    /// Asks for the next page, if there is one.
    pub next: Option<String>,
}

impl Paging {
    /// How many, once it is sure that so many may be asked for.
    pub(crate) fn count(&self, longest_token: usize) -> Result<usize> {
        if let Some(token) = self.token.as_ref().filter(|token| token.len() > longest_token) {
            let rule = format!("Member must have length less than or equal to {longest_token}");
            return Err(Exception::constraint(token, "nextToken", rule));
        }
        match self.limit {
            None | Some(0) => Ok(USUAL),
            Some(limit) if limit < 0 => {
                let rule = "Member must have value greater than or equal to 0";
                Err(Exception::constraint(limit, "maxResults", rule))
            }
            Some(limit) => match usize::try_from(limit).ok().filter(|limit| *limit <= MOST) {
                Some(limit) => Ok(limit),
                None => {
                    let rule = format!("Member must have value less than or equal to {MOST}");
                    Err(Exception::constraint(limit, "maxResults", rule))
                }
            },
        }
    }

    /// What stands in the token: the key of the last entry that was shown.
    pub(crate) fn after(&self) -> Result<Option<String>> {
        let Some(token) = &self.token else { return Ok(None) };
        let bytes = URL_SAFE_NO_PAD.decode(token).ok();
        let after = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
        after
            .map(Some)
            .ok_or_else(|| Exception::InvalidToken.of("Invalid token"))
    }

    /// The page of a list that is at hand, in the order of its keys.
    pub(crate) fn cut<T>(&self, longest_token: usize, all: Vec<T>, key: impl Fn(&T) -> String) -> Result<Chunk<T>> {
        let (count, after) = (self.count(longest_token)?, self.after()?);
        let start = match &after {
            None => 0,
            Some(after) => match all.iter().position(|entry| key(entry) == *after) {
                Some(position) => position + 1,
                // The entry has gone meanwhile: the list goes on where it was.
                None => all.iter().position(|entry| key(entry) > *after).unwrap_or(all.len()),
            },
        };
        let more = all.len() > start + count;
        let entries: Vec<T> = all.into_iter().skip(start).take(count).collect();
        let next = entries.last().filter(|_| more).map(|last| token(&key(last)));
        Ok(Chunk { entries, next })
    }
}

/// The token that says where a page ended.
pub(crate) fn token(key: &str) -> String {
    URL_SAFE_NO_PAD.encode(key)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn pages_go_through_the_whole_list() {
        let all: Vec<String> = (0..25).map(|number| format!("{number:03}")).collect();
        let (mut paging, mut seen) = (
            Paging {
                limit: Some(10),
                token: None,
            },
            Vec::new(),
        );
        loop {
            let page = paging.cut(1024, all.clone(), String::clone).unwrap();
            assert!(page.entries.len() <= 10);
            seen.extend(page.entries);
            match page.next {
                Some(token) => paging.token = Some(token),
                None => break,
            }
        }
        assert_eq!(seen, all);
    }

    #[test]
    fn what_cannot_be_asked_for_is_refused() {
        let ask = |limit, token: Option<&str>| {
            let paging = Paging {
                limit,
                token: token.map(str::to_owned),
            };
            paging.cut(8, Vec::<String>::new(), String::clone)
        };
        assert!(ask(Some(0), None).is_ok());
        for (limit, token, message) in [
            (
                Some(1001),
                None,
                "Value '1001' at 'maxResults' failed to satisfy constraint: Member must have value less than or equal to 1000",
            ),
            (Some(-1), None, "Value '-1' at 'maxResults' failed"),
            (
                None,
                Some("123456789"),
                "at 'nextToken' failed to satisfy constraint: Member must have length less than or equal to 8",
            ),
            (None, Some("%"), "Invalid Token"),
        ] {
            let error = ask(limit, token).unwrap_err();
            assert!(error.message().contains(message), "{error}");
        }
    }
}
