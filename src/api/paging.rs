//! Pages of lists: `offset` or `cursor` in the query.

use url::form_urlencoded;

use super::{ApiError, App};
use crate::{
    domain::{
        id::{CursorList, ListPosition},
        numbers::AccountNumber,
        page::PageStart,
    },
    http::json_fields::whole_number,
};

/// The value of a parameter in a query. An empty value counts as absent, as in a body.
///
/// # Errors
///
/// [`ApiError::Field`] if it is given more than once.
pub(super) fn parameter(
    query: Option<&str>,
    wanted: &'static str,
) -> Result<Option<String>, ApiError> {
    let pairs = form_urlencoded::parse(query.unwrap_or_default().as_bytes());
    let mut given = pairs.filter(|(name, value)| name == wanted && !value.is_empty());
    let first = given.next();
    match given.next() {
        Some(_) => Err(ApiError::field(wanted, "is given more than once: send it once")),
        None => Ok(first.map(|(_, value)| value.into_owned())),
    }
}

/// Where the requested page of an account's list begins.
///
/// # Errors
///
/// [`ApiError::Field`] for a wrong offset or cursor, and for both at once.
pub(super) fn page_start<N: ListPosition>(
    app: &App,
    account: AccountNumber,
    list: &CursorList,
    query: Option<&str>,
) -> Result<PageStart<N>, ApiError> {
    let Some(cursor) = parameter(query, "cursor")? else { return offset(query) };
    if parameter(query, "offset")?.is_some() {
        return Err(ApiError::field("cursor", "replaces offset: send only one of them"));
    }
    let position = app.ids.parse_cursor::<N>(list, &cursor);
    let position = position.filter(|position| position.account() == account);
    position.map(PageStart::After).ok_or_else(|| {
        ApiError::field(
            "cursor",
            "is not one of this list: send the next_cursor of the page before, or no cursor for the first page",
        )
    })
}

fn offset<N>(query: Option<&str>) -> Result<PageStart<N>, ApiError> {
    let wrong = || ApiError::field("offset", "must be one whole number from 0 on");
    let given = parameter(query, "offset").map_err(|_| wrong())?;
    let offset = given.map(|value| whole_number(&value).ok_or_else(wrong)).transpose()?;
    // An offset above `usize::MAX` is after the end of every list.
    Ok(PageStart::Offset(usize::try_from(offset.unwrap_or(0)).unwrap_or(usize::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::numbers::SecretNumber;

    #[test]
    fn offsets_are_whole_numbers() {
        for (query, expected) in [
            (None, Some(0)),
            (Some("x=1"), Some(0)),
            (Some("offset=50"), Some(50)),
            (Some("offset="), Some(0)),
            (Some("offset=&offset=3"), Some(3)),
            (Some("offset=50.0"), Some(50)),
            (Some("%6fffset=5%30"), Some(50)),
            (Some("offset=+5"), None),
            (Some("offset=%2B5"), None),
            (Some("offset=1.5"), None),
            (Some("offset=1e1"), None),
            (Some("offset=x"), None),
            (Some("offset=99999999999999999999"), None),
            (Some("offset=-1"), None),
            (Some("offset=1&offset=2"), None),
        ] {
            let expected = expected.map(PageStart::<SecretNumber>::Offset);
            assert_eq!(offset(query).ok(), expected, "{query:?}");
        }
    }
}
