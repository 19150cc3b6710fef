//! Whether a framework can share a tensor: the one decision, which `plan` tells and
//! `convert` acts on.

use dlbridge::TensorRef;
use dlbridge::layout::Layout;
use pyo3::prelude::*;

use crate::frameworks::alignment;
use crate::frameworks::framework::{Framework, Order, ReadOnly, Reason};
use crate::support::integers::tuple;
use crate::values::stream;

/// What the caller allows, but for copies.
#[derive(Clone, Copy, Default)]
pub struct Request {
    /// Writable arrays on read-only memory.
    pub writable_alias: bool,
}

/// What giving a tensor to a framework takes. By default it is shared.
#[derive(Default)]
pub struct Compatibility {
    /// A copy in C order, made here, before it is given.
    pub ours: bool,
    /// The framework copies by itself.
    pub theirs: bool,
    /// Not even a copy can be given.
    pub refused: bool,
    /// Why it is not simply shared; empty if it is.
    pub reason: Reason,
    /// What else than a copy would help.
    pub way: &'static str,
}

impl Compatibility {
    /// How often the elements are copied.
    pub fn copies(&self) -> i64 {
        if self.refused { 0 } else { i64::from(self.ours) + i64::from(self.theirs) }
    }

    fn refuse(reason: Reason) -> Compatibility {
        Compatibility { refused: true, reason, ..Compatibility::default() }
    }
}

/// Decides how a framework is given a tensor.
#[inline]
pub fn check(
    py: Python<'_>,
    framework: &Framework,
    tensor: &TensorRef<'_>,
    request: Request,
) -> Compatibility {
    if let Some(reason) = never(py, framework, tensor) {
        return Compatibility::refuse(reason);
    }
    let mut verdict = match obstacle(framework, tensor, request) {
        None if framework.copies.is_none() => return Compatibility::default(),
        None => Compatibility::default(),
        Some(Obstacle { reason, way }) => {
            Compatibility { ours: true, reason, way, ..Compatibility::default() }
        }
    };
    if let Some(reason) = framework.copies.filter(|_| tensor.layout().count() > 0) {
        // What it copies by itself, it need not get as a copy to keep it from writes.
        verdict.ours &= !strides_fit(framework.order, tensor);
        verdict.theirs = true;
        verdict.reason = reason.into();
    }
    if verdict.ours && tensor.dtype().item_bytes().is_none() {
        let reason = format!(
            "{}, and elements of dtype {} are parts of bytes, which dlbridge cannot copy",
            verdict.reason,
            tensor.dtype()
        );
        return Compatibility::refuse(reason.into());
    }
    verdict
}

/// Why a framework cannot have even a copy.
#[inline]
fn never(py: Python<'_>, framework: &Framework, tensor: &TensorRef<'_>) -> Option<Reason> {
    let device = tensor.device();
    let title = framework.title;
    if framework.name == "dlbridge" {
        return None;
    }
    let on_gpu = framework.on_gpu.is_some() && stream::has_cuda_streams(device);
    if !device.is_host_accessible() && !on_gpu {
        let reason = match framework.name {
            "numpy" => format!(
                "the tensor is on {device}, and NumPy needs memory on the host: call \
                 to_device(\"cpu\") first"
            ),
            _ => format!(
                "the tensor is on {device}, and dlbridge does not know how to give it to {title} in \
                 the order of its streams: call to_device(\"cpu\") first, or, without ordering, give \
                 it t.__dlpack__(stream=-1, max_version=(1, 3))"
            ),
        };
        return Some(reason.into());
    }
    if let Some(reason) = framework.not_host.filter(|_| !on_gpu) {
        return Some(reason.into());
    }
    if let Some(reason) = (framework.unfit)(py, tensor) {
        return Some(reason);
    }
    let (least, most) = framework.ndim;
    let ndim = tensor.shape().len();
    if ndim < least || ndim > most {
        return Some(
            format!(
                "the tensor has {ndim} dimensions, and {title} takes {least} to {most}: reshape it \
             before, to {}",
                if ndim < least { "(1,)" } else { "fewer" }
            )
            .into(),
        );
    }
    None
}

struct Obstacle {
    reason: Reason,
    way: &'static str,
}

/// Why a framework can only have a copy.
#[inline]
fn obstacle(framework: &Framework, tensor: &TensorRef<'_>, request: Request) -> Option<Obstacle> {
    let title = framework.title;
    let simple = |reason: String| Some(Obstacle { reason: reason.into(), way: "" });
    if !strides_fit(framework.order, tensor) {
        let strides = tuple(&tensor.layout().strides());
        let shape = tuple(tensor.shape());
        return simple(match framework.order {
            Order::Any | Order::NotNegative => {
                format!("strides is {strides}, and {title} takes no negative ones")
            }
            Order::Permuted => format!(
                "strides is {strides} for shape {shape}, and {title} takes only arrays without gaps, \
                 repeated or reversed axes"
            ),
            Order::C => format!(
                "strides is {strides} for shape {shape}, and {title} takes only C order without gaps"
            ),
        });
    }
    if let Err(reason) = alignment::check(framework, tensor) {
        return Some(Obstacle { reason, way: "dlbridge.empty() makes memory that is aligned" });
    }
    // Of what has no elements nothing can be written to.
    let is_protected = tensor.is_read_only() && tensor.layout().count() > 0;
    if framework.read_only == ReadOnly::Lost && !request.writable_alias && is_protected {
        return Some(Obstacle {
            reason: format!("the tensor is read-only, and {title} has no read-only tensors").into(),
            way: "allow_writable_alias=True shares the memory and leaves it to you not to write",
        });
    }
    None
}

/// Whether a framework that takes that order takes the strides.
#[inline]
fn strides_fit(order: Order, tensor: &TensorRef<'_>) -> bool {
    let layout = || tensor.layout();
    match order {
        Order::Any => true,
        _ if layout().count() == 0 => true,
        Order::NotNegative => {
            let mut axes = tensor.shape().iter().zip(layout().given_strides().unwrap_or_default());
            axes.all(|(extent, stride)| *extent == 1 || *stride >= 0)
        }
        Order::Permuted => is_permuted(layout()),
        Order::C => layout().is_c_contiguous(),
    }
}

/// Whether the elements lie side by side in some order of the axes.
fn is_permuted(layout: Layout<'_>) -> bool {
    let strides = layout.strides();
    let mut axes: Vec<(i64, i64)> = strides
        .iter()
        .zip(layout.shape())
        .filter(|(_, extent)| **extent != 1)
        .map(|(stride, extent)| (*stride, *extent))
        .collect();
    axes.sort_unstable();
    let mut expected = 1;
    axes.iter().all(|(stride, extent)| {
        let fits = *stride == expected;
        expected *= extent;
        fits
    })
}
