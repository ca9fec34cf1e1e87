//! Reading foreign JSON without ever failing on a value's type.
//!
//! Upstreams send numbers as strings, objects as lists and keys twice.
//! Each type here takes what it understands and becomes its default for anything else, and the last of equal keys wins;
//! only text that is no JSON at all is an error, and strings with half a character, which who reads with these types
//! mends then ([`super::lone_surrogates`]). Nothing is copied unless it was escaped, and unknown parts are skipped without
//! recursion, so that depth costs no stack.

use std::borrow::Cow;
use std::marker::PhantomData;

use serde::de::{Deserialize, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// What a type makes of each sort of JSON value; its default of those it does not name, and of null.
pub(crate) trait Loose<'de>: Default {
    fn from_text(_: Cow<'de, str>) -> Self {
        Self::default()
    }

    fn from_integer(_: u64) -> Self {
        Self::default()
    }

    fn from_float(_: f64) -> Self {
        Self::default()
    }

    fn from_bool(_: bool) -> Self {
        Self::default()
    }

    fn from_seq<A: SeqAccess<'de>>(mut seq: A) -> Result<Self, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Self::default())
    }

    fn from_map<A: MapAccess<'de>>(mut map: A) -> Result<Self, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Self::default())
    }
}

pub(crate) struct LooseVisitor<T>(pub(crate) PhantomData<T>);

impl<'de, T: Loose<'de>> Visitor<'de> for LooseVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_bool<E>(self, v: bool) -> Result<T, E> {
        Ok(T::from_bool(v))
    }

    fn visit_i64<E>(self, _negative: i64) -> Result<T, E> {
        Ok(T::default())
    }

    fn visit_u64<E>(self, v: u64) -> Result<T, E> {
        Ok(T::from_integer(v))
    }

    fn visit_f64<E>(self, v: f64) -> Result<T, E> {
        Ok(T::from_float(v))
    }

    fn visit_str<E>(self, v: &str) -> Result<T, E> {
        Ok(T::from_text(Cow::Owned(v.to_owned())))
    }

    fn visit_borrowed_str<E>(self, v: &'de str) -> Result<T, E> {
        Ok(T::from_text(Cow::Borrowed(v)))
    }

    fn visit_unit<E>(self) -> Result<T, E> {
        Ok(T::default())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<T, A::Error> {
        T::from_seq(seq)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        T::from_map(map)
    }
}

/// Implements `Deserialize` through [`Loose`].
macro_rules! deserialize_loosely {
    ($lt:lifetime, $ty:ty) => {
        impl<$lt> serde::Deserialize<$lt> for $ty {
            fn deserialize<D: serde::Deserializer<$lt>>(deserializer: D) -> Result<Self, D::Error> {
                let visitor = $crate::domain::answer::loose::LooseVisitor(std::marker::PhantomData);
                deserializer.deserialize_any(visitor)
            }
        }
    };
}
pub(crate) use deserialize_loosely;

/// Declares a struct that takes some keys of an object: `field: Type = "key" | "other key"`.
macro_rules! loose_object {
    ($(#[$meta:meta])* $vis:vis struct $name:ident<$lt:lifetime> $fields:tt) => {
        loose_object!(@fields $(#[$meta])* [$vis] [$lt] [$name<$lt>] [$name [<$lt>]] $fields);
    };
    ($(#[$meta:meta])* $vis:vis struct $name:ident $fields:tt) => {
        loose_object!(@fields $(#[$meta])* [$vis] ['de] [$name] [$name []] $fields);
    };
    (@fields $(#[$meta:meta])* [$vis:vis] [$lt:lifetime] [$ty:ty] [$name:ident [$($generics:tt)*]]
        { $($(#[$doc:meta])* $field:ident: $field_ty:ty = $($key:literal)|+,)* }) => {
        $(#[$meta])*
        #[derive(Default)]
        $vis struct $name $($generics)* {
            $($(#[$doc])* $vis $field: $field_ty,)*
        }

        impl<$lt> $crate::domain::answer::loose::Loose<$lt> for $ty {
            fn from_map<A: serde::de::MapAccess<$lt>>(mut map: A) -> Result<Self, A::Error> {
                let mut object = <$ty>::default();
                while let Some(key) = map.next_key::<$crate::domain::answer::loose::Text<'_>>()? {
                    match key.as_str() {
                        $($($key)|+ => object.$field = map.next_value()?,)*
                        _ => {
                            map.next_value::<serde::de::IgnoredAny>()?;
                        }
                    }
                }
                Ok(object)
            }
        }

        $crate::domain::answer::loose::deserialize_loosely!($lt, $ty);
    };
}
pub(crate) use loose_object;

/// A string; nothing for any other value.
#[derive(Default)]
pub(crate) struct Text<'a>(pub(crate) Option<Cow<'a, str>>);

impl Text<'_> {
    pub(crate) fn as_str(&self) -> &str {
        self.0.as_deref().unwrap_or("")
    }
}

impl<'de> Loose<'de> for Text<'de> {
    fn from_text(text: Cow<'de, str>) -> Self {
        Self(Some(text))
    }
}
deserialize_loosely!('de, Text<'de>);

/// A string, or a number as text: vendors write their codes either way.
#[derive(Default)]
pub(crate) struct Scalar<'a>(pub(crate) Option<Cow<'a, str>>);

impl Scalar<'_> {
    pub(crate) fn as_str(&self) -> &str {
        self.0.as_deref().unwrap_or("")
    }
}

impl<'de> Loose<'de> for Scalar<'de> {
    fn from_text(text: Cow<'de, str>) -> Self {
        Self(Some(text))
    }

    fn from_integer(value: u64) -> Self {
        Self(Some(Cow::Owned(value.to_string())))
    }

    fn from_float(value: f64) -> Self {
        Self(Some(Cow::Owned(value.to_string())))
    }
}
deserialize_loosely!('de, Scalar<'de>);

/// A count of tokens. Whatever is no whole number of a believable size is zero, so that one bad answer cannot spoil a sum.
#[derive(Clone, Copy, Default)]
pub(crate) struct Figure(pub(crate) u64);

impl Figure {
    const BELIEVABLE: u64 = 1_000_000_000_000;
}

impl Loose<'_> for Figure {
    fn from_integer(value: u64) -> Self {
        Self(if value <= Self::BELIEVABLE { value } else { 0 })
    }
}
deserialize_loosely!('de, Figure);

/// A price in dollars, as nano-dollars; zero where it is negative or beyond belief.
#[derive(Clone, Copy, Default)]
pub(crate) struct Dollars(pub(crate) u64);

impl Dollars {
    const BELIEVABLE: f64 = 1_000_000.0;
}

impl Loose<'_> for Dollars {
    fn from_integer(value: u64) -> Self {
        u32::try_from(value).map_or(Self(0), |dollars| Self::from_float(f64::from(dollars)))
    }

    fn from_float(value: f64) -> Self {
        if !(0.0..=Self::BELIEVABLE).contains(&value) {
            return Self(0);
        }
        // A duration is the standard library's checked way from a float to a count of billionths, and rounds.
        let nanos = std::time::Duration::try_from_secs_f64(value).map_or(0, |d| d.as_nanos());
        Self(u64::try_from(nanos).unwrap_or(0))
    }
}
deserialize_loosely!('de, Dollars);

/// Whether a value holds anything: not null, not `false`, not an empty string, list or object.
#[derive(Clone, Copy, Default)]
pub(crate) struct Substance(pub(crate) bool);

impl<'de> Loose<'de> for Substance {
    fn from_text(text: Cow<'de, str>) -> Self {
        Self(!text.is_empty())
    }

    fn from_integer(_: u64) -> Self {
        Self(true)
    }

    fn from_float(_: f64) -> Self {
        Self(true)
    }

    fn from_bool(value: bool) -> Self {
        Self(value)
    }

    fn from_seq<A: SeqAccess<'de>>(mut seq: A) -> Result<Self, A::Error> {
        let mut holds = false;
        while seq.next_element::<IgnoredAny>()?.is_some() {
            holds = true;
        }
        Ok(Self(holds))
    }

    fn from_map<A: MapAccess<'de>>(mut map: A) -> Result<Self, A::Error> {
        let mut holds = false;
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {
            holds = true;
        }
        Ok(Self(holds))
    }
}
deserialize_loosely!('de, Substance);

/// The first element of a list.
#[derive(Default)]
pub(crate) struct First<T>(pub(crate) T);

impl<'de, T: Deserialize<'de> + Default> Loose<'de> for First<T> {
    fn from_seq<A: SeqAccess<'de>>(mut seq: A) -> Result<Self, A::Error> {
        let first = seq.next_element()?.unwrap_or_default();
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Self(first))
    }
}

impl<'de, T: Deserialize<'de> + Default> Deserialize<'de> for First<T> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(LooseVisitor(PhantomData))
    }
}
