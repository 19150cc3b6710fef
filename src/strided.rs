//! placeholder
/// # Safety
/// placeholder
pub(crate) unsafe fn copy_elements(
    shape: &[i64],
    s: *const u8,
    ss: &[i64],
    t: *mut u8,
    ts: &[i64],
    n: usize,
) {
    unsafe {
        if shape.is_empty() {
            t.copy_from_nonoverlapping(s, n);
            return;
        }
        for i in 0..shape[0] {
            copy_elements(
                &shape[1..],
                s.offset((i * ss[0] * n as i64) as isize),
                &ss[1..],
                t.offset((i * ts[0] * n as i64) as isize),
                &ts[1..],
                n,
            );
        }
    }
}
