//! Ids identify; they never authenticate, so they may appear in logs, URLs and pages.

use uuid::Uuid;

use super::time::Timestamp;

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl $name {
            /// A new id: version 7, so that ids sort by creation and several nodes can make them alone.
            pub fn new(now: Timestamp, random: [u8; 10]) -> Self {
                let millis = u64::try_from(now.as_millis()).unwrap_or(0);
                Self(uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid())
            }

            /// Reads the hyphenated form of an id that could be ours; `None` for anything else.
            ///
            /// There are providers whose keys are UUIDs of other versions or 32 hexadecimal digits: those are secrets.
            pub fn parse(text: &str) -> Option<Self> {
                let id = Uuid::try_parse(text).ok().filter(|_| text.len() == uuid::fmt::Hyphenated::LENGTH)?;
                (id.get_version_num() == 7).then_some(Self(id))
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

uuid_id!(
    /// Names one upstream API key of the pool.
    ApiKeyId
);
uuid_id!(
    /// Names one client token.
    ClientTokenId
);
uuid_id!(
    /// Names one job.
    JobId
);
uuid_id!(
    /// Names one entry of the audit log.
    AuditEntryId
);
uuid_id!(
    /// Names one session of the console.
    SessionId
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_could_be_ours_is_an_id() {
        let id = ApiKeyId::new(Timestamp::from_millis(1_767_268_800_000), [7; 10]);
        let text = id.to_string();
        assert_eq!(ApiKeyId::parse(&text), Some(id));
        let version_4 = "936da01f-9abd-4d9d-80c7-02af85c822a8";
        for other in [&text.replace('-', ""), &format!("{{{text}}}"), &format!("urn:uuid:{text}"), version_4, ""] {
            assert_eq!(ApiKeyId::parse(other), None, "{other}");
        }
    }
}
