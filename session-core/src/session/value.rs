//! One attribute value as a store keeps it: opaque bytes and the codec they are in.

use std::fmt;

use serde::Serialize;
use serde::de::DeserializeOwned;

/// How the bytes of a [`Value`] are encoded. Stored as one byte beside the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Codec {
    /// MessagePack; structs are maps with field names, so that fields can come and go.
    MessagePack,
}

impl Codec {
    /// The byte that stands for this codec in a stored record.
    #[must_use]
    pub const fn as_byte(self) -> u8 {
        match self {
            Self::MessagePack => 1,
        }
    }

    /// The codec that `byte` stands for, or `None` when this version does not know it.
    #[must_use]
    pub const fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            1 => Some(Self::MessagePack),
            _ => None,
        }
    }
}

/// A value that grows makes room for this part of itself besides.
const GROWTH: usize = 8;

/// The value of one attribute: bytes that only the application's own types give a meaning.
#[derive(Clone, PartialEq, Eq)]
pub struct Value {
    codec: Codec,
    bytes: Vec<u8>,
}

impl Value {
    /// A value from its stored parts.
    #[must_use]
    pub const fn new(codec: Codec, bytes: Vec<u8>) -> Self {
        Self { codec, bytes }
    }

    /// The codec of the bytes.
    #[must_use]
    pub const fn codec(&self) -> Codec {
        self.codec
    }

    /// The encoded bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Encodes `value`; `size_hint` is the length in bytes that the buffer starts with.
    pub(crate) fn encode<T>(value: &T, size_hint: usize) -> Result<Self, rmp_serde::encode::Error>
    where
        T: Serialize + ?Sized,
    {
        let mut bytes = Vec::with_capacity(size_hint);
        rmp_serde::encode::write_named(&mut bytes, value)?;
        Ok(Self::new(Codec::MessagePack, bytes))
    }

    pub(crate) fn decode<T: DeserializeOwned>(&self) -> Result<T, rmp_serde::decode::Error> {
        match self.codec {
            Codec::MessagePack => rmp_serde::from_slice(&self.bytes),
        }
    }

    /// True for the encoding of `None` and `()`: setting it removes the attribute
    /// (Servlet: `setAttribute(name, null)`).
    pub(crate) fn is_null(&self) -> bool {
        self.bytes == [marker::NIL]
    }

    /// Overwrites this value with `other`, reusing the buffer that is there if it fits. What a
    /// store counts is the length of a value, so no buffer is kept that is much longer.
    pub(crate) fn overwrite(&mut self, other: &Self) {
        /// Small values come and go in the same buffer.
        const SPARE: usize = 64;
        let (room, needed) = (self.bytes.capacity(), other.bytes.len());
        self.codec = other.codec;
        if (needed..=needed + needed / GROWTH + SPARE).contains(&room) {
            self.bytes.clear();
            self.bytes.extend_from_slice(&other.bytes);
        } else {
            self.bytes = other.bytes.clone();
        }
    }

    /// Moves the value out, and leaves an empty one.
    pub(super) fn take(&mut self) -> Self {
        Self::new(self.codec, std::mem::take(&mut self.bytes))
    }

    /// True when [`append`](Self::append) can add `items` to this value.
    pub(crate) fn takes(&self, items: &Items) -> bool {
        self.count_with(items).is_some()
    }

    /// Adds `items` to the end of this list.
    ///
    /// # Errors
    /// [`NotAList`] when the value is something else; it is then unchanged.
    pub(crate) fn append(&mut self, items: &Items) -> Result<(), NotAList> {
        let (count, header_len) = self.count_with(items).ok_or(NotAList)?;
        let header = wide_list_header(count);
        let added = header.len() - header_len + items.bytes.len();
        if added > self.bytes.capacity() - self.bytes.len() {
            // A part of the list, not as much again: most of that would never be used.
            let spare = self.bytes.len() / GROWTH;
            self.bytes.reserve_exact(added + spare);
        }
        if header_len == header.len() {
            self.bytes[..header_len].copy_from_slice(&header);
        } else {
            self.bytes.splice(..header_len, header);
        }
        self.bytes.extend_from_slice(&items.bytes);
        Ok(())
    }

    /// How many items there are with `items` behind those of this list, and the length of the
    /// header it has now. Damaged bytes may claim so many that no header counts one more.
    fn count_with(&self, items: &Items) -> Option<(u32, usize)> {
        let (count, header_len) = list_header(&self.bytes)?;
        Some((count.checked_add(items.count)?, header_len))
    }
}

impl fmt::Debug for Value {
    /// Prints the size, not the content: values are the visitor's data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Value({:?}, {} bytes)", self.codec, self.bytes.len())
    }
}

/// The items that an append adds to the end of a list: only these travel to the store.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Items {
    count: u32,
    bytes: Vec<u8>,
}

impl Items {
    /// Items from their stored parts: how many, and their MessagePack encodings one after
    /// the other.
    #[must_use]
    pub const fn from_parts(count: u32, bytes: Vec<u8>) -> Self {
        Self { count, bytes }
    }

    /// How many items there are.
    #[must_use]
    pub const fn count(&self) -> u32 {
        self.count
    }

    /// The MessagePack encodings of the items, one after the other.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The list that consists of just these items.
    #[must_use]
    pub fn to_list(&self) -> Value {
        let mut bytes = Vec::with_capacity(LIST_HEADER_LEN + self.bytes.len());
        bytes.extend_from_slice(&wide_list_header(self.count));
        bytes.extend_from_slice(&self.bytes);
        Value::new(Codec::MessagePack, bytes)
    }

    /// Adds one item; on failure nothing was added.
    pub(crate) fn push<T>(&mut self, item: &T) -> Result<(), rmp_serde::encode::Error>
    where
        T: Serialize + ?Sized,
    {
        let before = self.bytes.len();
        match rmp_serde::encode::write_named(&mut self.bytes, item) {
            Ok(()) => {
                self.count += 1;
                Ok(())
            }
            Err(error) => {
                self.bytes.truncate(before);
                Err(error)
            }
        }
    }

    /// Adds the items of `other` behind these.
    pub(crate) fn extend(&mut self, other: &Self) {
        self.count += other.count;
        self.bytes.extend_from_slice(&other.bytes);
    }
}

impl fmt::Debug for Items {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Items({}, {} bytes)", self.count, self.bytes.len())
    }
}

/// The value is not a list, so nothing can be appended to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NotAList;

/// First bytes of a MessagePack value.
mod marker {
    pub(super) const NIL: u8 = 0xc0;
    pub(super) const FIX_ARRAY: u8 = 0x90;
    pub(super) const FIX_ARRAY_LAST: u8 = 0x9f;
    pub(super) const ARRAY_16: u8 = 0xdc;
    pub(super) const ARRAY_32: u8 = 0xdd;
}

/// Length of the list header that appending leaves behind: always the widest form, so that
/// later appends change the count in place.
pub(super) const LIST_HEADER_LEN: usize = 5;

fn wide_list_header(count: u32) -> [u8; LIST_HEADER_LEN] {
    let [a, b, c, d] = count.to_be_bytes();
    [marker::ARRAY_32, a, b, c, d]
}

/// Item count and header length when `bytes` is a MessagePack array.
fn list_header(bytes: &[u8]) -> Option<(u32, usize)> {
    match *bytes {
        [first @ marker::FIX_ARRAY..=marker::FIX_ARRAY_LAST, ..] => {
            Some((u32::from(first - marker::FIX_ARRAY), 1))
        }
        [marker::ARRAY_16, a, b, ..] => Some((u32::from(u16::from_be_bytes([a, b])), 3)),
        [marker::ARRAY_32, a, b, c, d, ..] => Some((u32::from_be_bytes([a, b, c, d]), 5)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items(words: &[&str]) -> Items {
        let mut items = Items::default();
        for word in words {
            items.push(word).unwrap();
        }
        items
    }

    #[test]
    fn appending_to_a_list_of_any_header_width_adds_at_the_end() {
        for length in [0_usize, 1, 15, 16, 70_000] {
            let before: Vec<String> = (0..length).map(|n| n.to_string()).collect();
            let mut value = Value::encode(&before, 0).unwrap();
            value.append(&items(&["x", "y"])).unwrap();
            value.append(&items(&["z"])).unwrap();
            let after: Vec<String> = value.decode().unwrap();
            assert_eq!(after[..length], before);
            assert_eq!(after[length..], ["x", "y", "z"]);
        }
    }

    #[test]
    fn appending_to_something_else_changes_nothing() {
        let mut value = Value::encode("text", 0).unwrap();
        let before = value.clone();
        assert_eq!(value.append(&items(&["x"])), Err(NotAList));
        assert_eq!(value, before);
    }

    /// What is counted is the length of a value.
    #[test]
    fn a_value_keeps_little_more_memory_than_it_has_bytes() {
        let text = |length: usize| Value::encode(&"x".repeat(length), 0).unwrap();
        let mut value = text(0);
        for length in [60_000, 1, 40_000, 39_999, 100] {
            value.overwrite(&text(length));
            assert_eq!(value, text(length));
            let (room, needed) = (value.bytes.capacity(), value.bytes.len());
            assert!(room <= needed + needed / 8 + 64, "{room} for {needed}");
        }
        let mut list = Value::encode(&Vec::<String>::new(), 0).unwrap();
        for _ in 0..5_000 {
            list.append(&items(&["twenty bytes of text"])).unwrap();
            let (room, needed) = (list.bytes.capacity(), list.bytes.len());
            assert!(room <= needed + needed / 8 + 64, "{room} for {needed}");
        }
    }

    #[test]
    fn a_value_that_hardly_changes_stays_in_its_buffer() {
        let mut counter = Value::encode(&1_u64, 0).unwrap();
        counter.overwrite(&Value::encode(&u64::MAX, 0).unwrap());
        let place = counter.bytes.as_ptr();
        counter.overwrite(&Value::encode(&2_u64, 0).unwrap());
        assert_eq!(counter.bytes.as_ptr(), place);
    }

    /// A value of so many bytes, in a buffer of that size.
    fn in_buffer(length: usize, room: usize) -> Value {
        let mut bytes = Vec::with_capacity(room);
        bytes.resize(length, marker::NIL);
        Value::new(Codec::MessagePack, bytes)
    }

    #[test]
    fn a_buffer_is_kept_with_an_eighth_and_64_bytes_to_spare_and_no_more() {
        let new = in_buffer(1_000, 1_000);
        for (room, kept) in [(999, 1_000), (1_000, 1_000), (1_189, 1_189), (1_190, 1_000)] {
            let mut value = in_buffer(1, room);
            value.overwrite(&new);
            assert_eq!(value.bytes.capacity(), kept, "with room for {room}");
        }
    }

    /// Each pair is the room behind the bytes that there are, before and after.
    #[test]
    fn a_list_gets_an_eighth_to_spare_when_an_item_has_no_room_and_not_before() {
        let full = [
            // A header that gets four bytes longer.
            (Value::encode(&["x"; 8], 0).unwrap(), 4),
            (items(&["x"; 80]).to_list(), 0),
        ];
        for (list, widened) in full {
            let needed = widened + 2;
            let spare = list.bytes.len() / 8;
            for (room, left) in [(needed, 0), (needed + 1, 1), (needed - 1, spare)] {
                let mut bytes = Vec::with_capacity(list.bytes.len() + room);
                bytes.extend_from_slice(&list.bytes);
                let mut value = Value::new(Codec::MessagePack, bytes);
                value.append(&items(&["y"])).unwrap();
                assert_eq!(value.bytes.capacity() - value.bytes.len(), left, "{room}");
            }
        }
    }

    #[test]
    fn items_become_a_list_of_their_own() {
        let list: Vec<String> = items(&["a", "b"]).to_list().decode().unwrap();
        assert_eq!(list, ["a", "b"]);
    }

    #[test]
    fn none_and_unit_are_null() {
        assert!(Value::encode(&None::<u32>, 0).unwrap().is_null());
        assert!(!Value::encode(&0_u32, 0).unwrap().is_null());
    }

    #[test]
    fn a_value_prints_its_size_and_not_its_content() {
        let value = Value::encode("secret text", 0).unwrap();
        assert_eq!(format!("{value:?}"), "Value(MessagePack, 12 bytes)");
        let items = items(&["secret", "text"]);
        assert_eq!(format!("{items:?}"), "Items(2, 12 bytes)");
    }

    /// The limit is that of rmp-serde, 1,024 lists and maps in each other. Without optimisation
    /// so many take more than the two megabytes of a test's stack.
    #[test]
    fn a_value_that_nests_too_deep_is_an_error_and_no_overflow_of_the_stack() {
        #[derive(Debug, serde::Deserialize)]
        struct Nested(#[expect(dead_code, reason = "it is decoded and not looked at")] Vec<Nested>);

        // Lists of one item, one in the other, and the last one empty.
        let nested = |depth: usize| {
            let mut bytes = vec![0x91; depth];
            bytes.push(0x90);
            Value::new(Codec::MessagePack, bytes)
        };
        let read = move || {
            assert!(nested(100).decode::<Nested>().is_ok());
            assert!(nested(1_000_000).decode::<Nested>().is_err());
            let ignored = nested(1_000_000).decode::<serde::de::IgnoredAny>();
            assert!(ignored.is_err());
        };
        let thread = std::thread::Builder::new().stack_size(16 << 20);
        thread.spawn(read).unwrap().join().unwrap();
    }
}
