/* Runs all tests of the program, or names the one that ended it. */
#include "test.hpp"

int main() {
    for (const test::Test &test : test::all) {
        std::printf("%s\n", test.name);
        std::fflush(stdout);
        test.run();
    }
    return test::all.empty() ? 1 : 0;
}
