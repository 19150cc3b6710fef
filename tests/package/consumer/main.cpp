#include <dlbridge/dlbridge.hpp>
#include <iostream>

int main() {
    const dlbridge::Tensor tensor = dlbridge::empty<float>({2, 3});
    std::cout << dlbridge_version() << ' ' << tensor.describe() << '\n';
    return 0;
}
