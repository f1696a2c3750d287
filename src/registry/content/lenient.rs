//! JSON of which only a small part is kept, however large the rest is.
//!
//! A manifest may be 4 MiB and a config 32 MiB. Their trees in memory would be many
//! times larger, so what is not used is skipped while it is parsed.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// A string; `None` if the value has another type.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Text(pub(crate) Option<String>);

/// What is kept of an object. It is empty if the value has another type.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Excerpt<T>(pub(crate) T);

/// The part of an object that is kept.
pub(crate) trait Fields: Default {
    /// Reads the value of a key if it is needed, or returns `false`. If a key is
    /// repeated, the last value counts, as in Go.
    fn read<'de, A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<bool, A::Error>;
}

/// Reads a value of any type.
struct AnyType<T>(PhantomData<T>);

/// What becomes of a value of each type; the others become the default.
trait FromAny: Default {
    fn from_text(_: &str) -> Self {
        Self::default()
    }

    fn from_object<'de, A: MapAccess<'de>>(mut map: A) -> Result<Self, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Self::default())
    }
}

impl<'de, T: FromAny> Visitor<'de> for AnyType<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_bool<E>(self, _: bool) -> Result<T, E> {
        Ok(T::default())
    }

    fn visit_i64<E>(self, _: i64) -> Result<T, E> {
        Ok(T::default())
    }

    fn visit_u64<E>(self, _: u64) -> Result<T, E> {
        Ok(T::default())
    }

    fn visit_f64<E>(self, _: f64) -> Result<T, E> {
        Ok(T::default())
    }

    fn visit_unit<E>(self) -> Result<T, E> {
        Ok(T::default())
    }

    fn visit_str<E>(self, text: &str) -> Result<T, E> {
        Ok(T::from_text(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<T, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(T::default())
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        T::from_object(map)
    }
}

impl FromAny for Text {
    fn from_text(text: &str) -> Self {
        Self(Some(text.to_owned()))
    }
}

impl<T: Fields> FromAny for Excerpt<T> {
    fn from_object<'de, A: MapAccess<'de>>(mut map: A) -> Result<Self, A::Error> {
        let mut fields = T::default();
        while let Some(key) = map.next_key::<String>()? {
            if !fields.read(&key, &mut map)? {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(Self(fields))
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyType(PhantomData))
    }
}

impl<'de, T: Fields> Deserialize<'de> for Excerpt<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyType(PhantomData))
    }
}

/// Up to `MOST` elements of a list, and the number of all elements.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Beginning<T, const MOST: usize> {
    pub(crate) kept: Vec<T>,
    pub(crate) length: usize,
}

impl<'de, T: Deserialize<'de>, const MOST: usize> Deserialize<'de> for Beginning<T, MOST> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct BeginningVisitor<T, const MOST: usize>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>, const MOST: usize> Visitor<'de> for BeginningVisitor<T, MOST> {
            type Value = Beginning<T, MOST>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                let mut kept = Vec::new();
                while kept.len() < MOST {
                    let Some(element) = list.next_element()? else {
                        let length = kept.len();
                        return Ok(Beginning { kept, length });
                    };
                    kept.push(element);
                }
                let mut length = MOST;
                while list.next_element::<IgnoredAny>()?.is_some() {
                    length += 1;
                }
                Ok(Beginning { kept, length })
            }
        }
        deserializer.deserialize_seq(BeginningVisitor(PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Clone, PartialEq, Eq, Default)]
    struct Named {
        name: Option<String>,
    }

    impl Fields for Named {
        fn read<'de, A: MapAccess<'de>>(
            &mut self,
            key: &str,
            map: &mut A,
        ) -> Result<bool, A::Error> {
            if key != "name" {
                return Ok(false);
            }
            self.name = map.next_value::<Text>()?.0;
            Ok(true)
        }
    }

    #[test]
    fn values_of_another_type_count_as_missing() {
        for (json, name) in [
            (r#"{"name":"a","x":{"name":"b"}}"#, Some("a")),
            (r#"{"name":"a","name":"b"}"#, Some("b")),
            (r#"{"name":{"name":"b"}}"#, None),
            (r#"{"name":7}"#, None),
            (r#"{"name":-7.5e3}"#, None),
            (r#"{"name":[["a"]]}"#, None),
            (r#"{"name":null}"#, None),
            (r#"{"name":true}"#, None),
            (r#"[{"name":"a"}]"#, None),
            ("null", None),
            (r#""name""#, None),
        ] {
            let read: Excerpt<Named> = serde_json::from_str(json).expect(json);
            assert_eq!(read.0.name.as_deref(), name, "{json}");
        }
        for broken in [r#"{"name":"a""#, r#"{"x":[1,}"#, "", r#"{"name":}"#] {
            assert!(serde_json::from_str::<Excerpt<Named>>(broken).is_err());
        }
    }

    #[test]
    fn long_list_is_counted_and_only_its_beginning_is_kept() {
        for (json, kept, length) in [
            ("[]", vec![], 0),
            ("[1,2]", vec![1, 2], 2),
            ("[1,2,3]", vec![1, 2, 3], 3),
            (r#"[1,2,3,"x",{}]"#, vec![1, 2, 3], 5),
        ] {
            let read: Beginning<u8, 3> = serde_json::from_str(json).expect(json);
            assert_eq!(read, Beginning { kept, length }, "{json}");
        }
        for broken in [r#"["x"]"#, "[1,2,3,}", "{}", "[1,2,3,4"] {
            assert!(serde_json::from_str::<Beginning<u8, 3>>(broken).is_err());
        }
    }
}
