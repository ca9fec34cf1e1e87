//! A form as it was sent, also one with several values of a name (rows that were picked) or with a file.

use poem::http::header;
use poem::web::Multipart;
use poem::{FromRequest, Request, RequestBody};

use super::Error;
use crate::web::text::Text;

/// The fields of a form. There may be secrets among them.
pub(super) struct Fields(Vec<(String, String)>);

impl Fields {
    pub(super) fn parse(text: &[u8]) -> Self {
        Self(url::form_urlencoded::parse(text).into_owned().collect())
    }

    /// As a form with a file in it is sent: the file's text is the value of its field.
    async fn of_parts(mut parts: Multipart) -> poem::Result<Self> {
        let mut fields = Vec::new();
        while let Some(part) = parts.next_field().await? {
            if let Some(name) = part.name().map(str::to_owned) {
                fields.push((name, part.text().await.map_err(poem::error::BadRequest)?));
            }
        }
        Ok(Self(fields))
    }

    /// The first value of that name; empty where there is none.
    pub(super) fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(of, _)| of == name).map_or("", |(_, value)| value.as_str())
    }

    /// All values of that name.
    pub(super) fn all<'a>(&'a self, name: &'static str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(of, _)| of == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(of, _)| of == name)
    }
}

impl<'a> FromRequest<'a> for Fields {
    async fn from_request(request: &'a Request, body: &mut RequestBody) -> poem::Result<Self> {
        let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let kind = kind.to_ascii_lowercase();
        if kind.starts_with("multipart/form-data") {
            return Self::of_parts(Multipart::from_request(request, body).await?).await;
        }
        if !kind.starts_with("application/x-www-form-urlencoded") {
            return Err(Error::BadRequest(Text::new("error-bad-request")).into());
        }
        let bytes = body.take()?.into_bytes().await.map_err(poem::Error::from)?;
        Ok(Self::parse(&bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_can_have_several_values() {
        let fields = Fields::parse("id=a&x=1%262&id=b&name=%E4%BD%A0+%C3%A9&empty=&id=".as_bytes());
        assert_eq!(fields.all("id").collect::<Vec<_>>(), ["a", "b", ""]);
        assert_eq!((fields.get("x"), fields.get("name"), fields.get("gone")), ("1&2", "你 é", ""));
        assert!(fields.has("empty") && !fields.has("gone"));
    }
}
