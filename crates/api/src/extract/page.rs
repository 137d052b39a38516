use wisp_core::Result;

use super::{Query, query::malformed};

/// Entries of a page that nobody chose the size of.
const DEFAULT: u64 = 30;

/// Most entries of a page, which 0 asks for.
const MOST: u64 = 200;

/// Which part of a list is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Page {
    /// Entries left out.
    pub skip: u64,
    /// Entries at most.
    pub limit: u64,
    /// Whether only the number of entries is asked for.
    pub count: bool,
}

impl Page {
    /// The page of a collection that a query asks for.
    pub fn of(query: &Query, collection: &str) -> Result<Self> {
        let number = |key| match query.get(key) {
            None => Ok(None),
            Some(text) => match text.parse::<i64>() {
                Ok(number) => Ok(Some(number)),
                Err(_) => Err(malformed(
                    key,
                    format_args!("The value '{text}' is not an integer for {collection}."),
                )),
            },
        };
        let limit = match number("limit")?.map(|limit| (limit, u64::try_from(limit))) {
            None => DEFAULT,
            Some((_, Ok(0))) => MOST,
            Some((_, Ok(limit))) if limit <= MOST => limit,
            Some((limit, _)) => {
                let detail = format!("The value '{limit}' is not in the range of 0 to {MOST} for {collection}.");
                return Err(malformed("limit", detail));
            }
        };
        let skip = number("skip")?.unwrap_or(0);
        let skip = u64::try_from(skip).map_err(|_| {
            malformed(
                "skip",
                format_args!("The value '{skip}' is not greater than or equal to 0 for {collection}."),
            )
        })?;
        Ok(Self {
            skip,
            limit,
            count: query.flag("count")?,
        })
    }

    /// The page of a list that is in memory.
    pub fn cut<T>(&self, list: impl Iterator<Item = T>) -> impl Iterator<Item = T> {
        list.skip(self.skip as usize).take(self.limit as usize)
    }

    /// How many entries there are after those left out.
    pub fn remaining(&self, total: u64) -> u64 {
        total.saturating_sub(self.skip)
    }
}

#[cfg(test)]
mod tests {
    use axum::{extract::FromRequestParts, http::Request};

    use super::*;

    async fn page(query: &str) -> Result<Page, String> {
        let (mut parts, ()) = Request::get(format!("/?{query}"))
            .body(())
            .map_err(|e| e.to_string())?
            .into_parts();
        let Ok(query) = Query::from_request_parts(&mut parts, &()).await;
        Page::of(&query, "actions").map_err(|error| error.to_string())
    }

    #[tokio::test]
    async fn pages_have_bounds() {
        assert_eq!(
            page("").await,
            Ok(Page {
                skip: 0,
                limit: 30,
                count: false
            })
        );
        assert_eq!(
            page("limit=0&skip=7&count=TRUE").await,
            Ok(Page {
                skip: 7,
                limit: 200,
                count: true
            })
        );
        for (query, expected) in [
            (
                "limit=201",
                "'limit' was malformed:\nThe value '201' is not in the range of 0 to 200 for actions.",
            ),
            (
                "limit=-1",
                "'limit' was malformed:\nThe value '-1' is not in the range of 0 to 200 for actions.",
            ),
            (
                "limit=x",
                "'limit' was malformed:\nThe value 'x' is not an integer for actions.",
            ),
            (
                "skip=-1",
                "'skip' was malformed:\nThe value '-1' is not greater than or equal to 0 for actions.",
            ),
        ] {
            assert_eq!(page(query).await, Err(format!("The query parameter {expected}")));
        }
    }
}
