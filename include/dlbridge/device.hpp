/// \file
/// Where memory is.
#ifndef DLBRIDGE_DEVICE_HPP_
#define DLBRIDGE_DEVICE_HPP_

#include <string>

#include "dlbridge/dlbridge.h"

namespace dlbridge {

/// Whether two devices are the same.
constexpr bool same(DLDevice a, DLDevice b) noexcept {
    return a.device_type == b.device_type && a.device_id == b.device_id;
}

/// Whether the processor can read and write the memory: the host's own, pinned
/// memory, and managed memory.
constexpr bool is_host_accessible(DLDevice device) noexcept {
    return device.device_type == kDLCPU || device.device_type == kDLCUDAHost ||
           device.device_type == kDLROCMHost || device.device_type == kDLCUDAManaged;
}

/// The name of a device, such as "cpu" or "cuda:0"; "unknown" for what DLPack 1.3
/// does not have.
inline std::string name(DLDevice device) {
    char text[DLBRIDGE_NAME_SIZE] = "unknown";
    dlbridge_device_name(device, text, sizeof text);
    return text;
}

} // namespace dlbridge

#endif // DLBRIDGE_DEVICE_HPP_
