//! The sentence of the last failure of each thread.
//!
//! It lies in room of a fixed size that exists beforehand, so that a failure for lack of
//! memory has its sentence too. The room is not a `thread_local!`: where the library was
//! loaded at run time, the C library allocates that at the first use on each thread, and
//! ends the process if it cannot.

use std::ffi::c_char;

use crate::memory::NoMemory;

/// The bytes of a sentence, with the zero byte at its end.
const SIZE: usize = 4096;

/// What a longer sentence ends with.
const CUT: &[u8] = b"...";

/// The sentence of this thread, "" if there is none.
pub(super) fn last() -> *const c_char {
    storage::find().map_or(c"".as_ptr(), |text| text.cast_const().cast())
}

/// Makes a text the sentence of this thread, without its zero bytes. One that is too long
/// is cut between two characters. The text may be part of the sentence so far.
///
/// # Errors
/// If there is no room for a sentence of this thread.
///
/// # Safety
/// `text` is readable for `length` bytes.
pub(super) unsafe fn keep(text: *const u8, length: usize) -> Result<(), NoMemory> {
    let Some(place) = storage::find_or_make()? else {
        return Ok(());
    };
    // SAFETY: the place has SIZE bytes, the text `length`. They may overlap, so there are no
    // slices, and each byte is read before one is written at or behind its place.
    unsafe {
        let byte = |index: usize| text.add(index).read();
        let is_kept = |byte: &u8| *byte != 0;
        let mut end = length;
        if (0..length).map(byte).filter(is_kept).count() >= SIZE {
            end = 0;
            let mut room = SIZE - 1 - CUT.len();
            while room > 0 {
                room -= usize::from(is_kept(&byte(end)));
                end += 1;
            }
            // A byte of this form is not the first of a character, which has four at most.
            let first = (end.saturating_sub(3)..=end).rev().find(|at| byte(*at) & 0xc0 != 0x80);
            end = first.unwrap_or(end);
        }
        let mut written = 0;
        for kept in (0..end).map(byte).filter(is_kept) {
            place.add(written).write(kept);
            written += 1;
        }
        if end < length {
            place.add(written).copy_from_nonoverlapping(CUT.as_ptr(), CUT.len());
            written += CUT.len();
        }
        place.add(written).write(0);
    }
    Ok(())
}

#[cfg(unix)]
mod storage {
    use std::cell::UnsafeCell;
    use std::ffi::c_void;
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::{NoMemory, SIZE};

    /// Room for a sentence; more threads than there are get theirs allocated.
    struct Place {
        is_taken: AtomicBool,
        text: UnsafeCell<[u8; SIZE]>,
    }

    // SAFETY: a text is only used by the thread that took the place.
    unsafe impl Sync for Place {}

    static PLACES: [Place; 16] =
        [const { Place { is_taken: AtomicBool::new(false), text: UnsafeCell::new([0; SIZE]) } };
            16];

    /// The sentence of a failure that found no place for its own.
    static NO_MEMORY: &[u8; 18] = b"no memory is left\0";

    /// Under which each thread has its place, once a thread needed one.
    static KEY: OnceLock<Option<libc::pthread_key_t>> = OnceLock::new();

    /// Whether the key is deleted: it may be somebody else's by now.
    static IS_UNLOADED: AtomicBool = AtomicBool::new(false);

    /// The place of this thread, if it has one.
    pub fn find() -> Option<*mut u8> {
        let key = (*KEY.get()?).filter(|_| !IS_UNLOADED.load(Ordering::Relaxed))?;
        // SAFETY: the key exists.
        let place = unsafe { libc::pthread_getspecific(key) };
        (!place.is_null()).then_some(place.cast())
    }

    /// The place of this thread; none where there are no sentences any more.
    ///
    /// # Errors
    /// If the thread has no place and gets none.
    pub fn find_or_make() -> Result<Option<*mut u8>, NoMemory> {
        if IS_UNLOADED.load(Ordering::Relaxed) {
            return Ok(None);
        }
        let key = KEY.get_or_init(make_key).ok_or(NoMemory)?;
        // SAFETY: the key exists. What is under it is a place, or the constant.
        unsafe {
            let place = libc::pthread_getspecific(key);
            if !place.is_null() && place != no_memory() {
                return Ok(Some(place.cast()));
            }
            let place = take();
            let found = if place.is_null() { no_memory() } else { place };
            if libc::pthread_setspecific(key, found) != 0 {
                give_back(place);
                return Err(NoMemory);
            }
            if place.is_null() { Err(NoMemory) } else { Ok(Some(place.cast())) }
        }
    }

    fn make_key() -> Option<libc::pthread_key_t> {
        let mut key = 0;
        // SAFETY: the output is writable.
        let made = unsafe { libc::pthread_key_create(&mut key, Some(give_back)) } == 0;
        made.then_some(key)
    }

    fn no_memory() -> *mut c_void {
        NO_MEMORY.as_ptr().cast_mut().cast()
    }

    /// NULL if there is none left.
    fn take() -> *mut c_void {
        for place in &PLACES {
            if !place.is_taken.swap(true, Ordering::Acquire) {
                return place.text.get().cast();
            }
        }
        // SAFETY: it has a size.
        unsafe { libc::malloc(SIZE) }
    }

    /// At the end of a thread.
    unsafe extern "C" fn give_back(place: *mut c_void) {
        if place.is_null() || place == no_memory() {
            return;
        }
        match PLACES.iter().find(|known| known.text.get().cast() == place) {
            Some(known) => known.is_taken.store(false, Ordering::Release),
            // SAFETY: `take` allocated it, and it is given back once.
            None => unsafe { libc::free(place) },
        }
    }

    /// When the library is unloaded, and at the end of the process: threads that end later
    /// must not call what is gone.
    #[cfg(target_os = "linux")]
    #[used]
    #[unsafe(link_section = ".fini_array")]
    static UNLOAD: unsafe extern "C" fn() = {
        unsafe extern "C" fn unload() {
            IS_UNLOADED.store(true, Ordering::Relaxed);
            if let Some(Some(key)) = KEY.get() {
                // SAFETY: the key exists.
                unsafe { libc::pthread_key_delete(*key) };
            }
        }
        unload
    };
}

#[cfg(not(unix))]
mod storage {
    use std::cell::UnsafeCell;

    use super::{NoMemory, SIZE};

    thread_local! {
        static TEXT: UnsafeCell<[u8; SIZE]> = const { UnsafeCell::new([0; SIZE]) };
    }

    /// The place of this thread.
    pub fn find() -> Option<*mut u8> {
        TEXT.try_with(|text| text.get().cast()).ok()
    }

    /// # Errors
    /// If the thread has none any more.
    pub fn find_or_make() -> Result<Option<*mut u8>, NoMemory> {
        Ok(find())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(text: &str) -> String {
        // SAFETY: the bytes are readable, and the sentence lives until the next one.
        unsafe {
            keep(text.as_ptr(), text.len()).unwrap();
            std::ffi::CStr::from_ptr(last()).to_str().unwrap().to_owned()
        }
    }

    #[test]
    fn long_sentences_are_cut_between_characters() {
        for length in SIZE - 8..SIZE {
            let whole = "x".repeat(length);
            assert_eq!(kept(&whole), whole);
        }
        for ahead in 0..4 {
            let text = "x".repeat(ahead) + &"\u{1f600}".repeat(SIZE);
            let cut = kept(&text);
            assert!(cut.len() < SIZE && cut.len() > SIZE - 8, "{}", cut.len());
            assert!(text.starts_with(cut.strip_suffix("...").unwrap()));
        }
        let no_text = [0xbf_u8; 2 * SIZE];
        // SAFETY: as above.
        unsafe { keep(no_text.as_ptr(), no_text.len()).unwrap() };
        // SAFETY: as above.
        assert_eq!(unsafe { std::ffi::CStr::from_ptr(last()) }.count_bytes(), SIZE - 1);
    }

    #[test]
    fn a_sentence_may_be_part_of_the_one_before() {
        kept("argument 1: it is wrong");
        // SAFETY: the sentence has as many bytes.
        unsafe { keep(last().cast::<u8>().add(12), 11).unwrap() };
        // SAFETY: the sentence lives until the next one.
        assert_eq!(unsafe { std::ffi::CStr::from_ptr(last()) }, c"it is wrong");
    }

    #[test]
    fn threads_have_sentences_of_their_own_however_many_there_are() {
        kept("mine");
        let barrier = std::sync::Barrier::new(40);
        std::thread::scope(|scope| {
            for number in 0..40 {
                let barrier = &barrier;
                scope.spawn(move || {
                    // SAFETY: the sentence lives until the next one.
                    assert_eq!(unsafe { std::ffi::CStr::from_ptr(last()) }, c"");
                    let text = number.to_string();
                    assert_eq!(kept(&text), text);
                    barrier.wait();
                    // SAFETY: as above.
                    let later = unsafe { std::ffi::CStr::from_ptr(last()) };
                    assert_eq!(later.to_str(), Ok(&*text));
                });
            }
        });
        // SAFETY: as above.
        assert_eq!(unsafe { std::ffi::CStr::from_ptr(last()) }, c"mine");
    }
}
