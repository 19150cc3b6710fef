//! Texts that need no allocation.

use std::fmt::{self, Display, Write};
use std::ops::Deref;

/// A text of up to `N` bytes.
#[derive(Clone, Copy)]
pub(crate) struct Text<const N: usize> {
    bytes: [u8; N],
    length: usize,
}

impl<const N: usize> Text<N> {
    /// None if the text is longer than `N` bytes.
    pub fn of(text: fmt::Arguments<'_>) -> Option<Self> {
        let mut written = Text::default();
        written.write_fmt(text).ok()?;
        Some(written)
    }
}

/// The empty text.
impl<const N: usize> Default for Text<N> {
    fn default() -> Self {
        Text { bytes: [0; N], length: 0 }
    }
}

impl<const N: usize> Write for Text<N> {
    fn write_str(&mut self, part: &str) -> fmt::Result {
        let end = self.length + part.len();
        let room = self.bytes.get_mut(self.length..end).ok_or(fmt::Error)?;
        room.copy_from_slice(part.as_bytes());
        self.length = end;
        Ok(())
    }
}

impl<const N: usize> Deref for Text<N> {
    type Target = str;

    fn deref(&self) -> &str {
        // Only whole texts are written.
        std::str::from_utf8(&self.bytes[..self.length]).unwrap_or_default()
    }
}

impl<const N: usize> Display for Text<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self)
    }
}

/// The bytes of a text.
#[cfg(any(test, feature = "capi"))]
pub(crate) fn length(text: &impl Display) -> usize {
    struct Counter(usize);
    impl Write for Counter {
        fn write_str(&mut self, part: &str) -> fmt::Result {
            self.0 += part.len();
            Ok(())
        }
    }
    let mut counter = Counter(0);
    // A counter takes everything.
    let _ = write!(counter, "{text}");
    counter.0
}

/// Items with a text between them.
pub(crate) struct Joined<I>(pub I, pub &'static str);

impl<I: Iterator<Item: Display> + Clone> Display for Joined<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, item) in self.0.clone().enumerate() {
            match index {
                0 => write!(f, "{item}")?,
                _ => write!(f, "{}{item}", self.1)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_whole_or_none() {
        assert_eq!(&*Text::<4>::of(format_args!("{}é", "ab")).unwrap(), "abé");
        assert!(Text::<3>::of(format_args!("{}é", "ab")).is_none());
    }

    #[test]
    fn items_are_joined() {
        assert_eq!(Joined([1, 2, 3].iter(), " or ").to_string(), "1 or 2 or 3");
        assert_eq!(Joined([0; 0].iter(), ", ").to_string(), "");
        assert_eq!(length(&Joined([1, 2].iter(), ", ")), 4);
    }
}
