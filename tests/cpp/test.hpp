/* Tests that register themselves, and checks that end the program with the place
 * and the reason. */
#ifndef TEST_HPP_
#define TEST_HPP_

#include <dlbridge/dlbridge.hpp>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

namespace test {

struct Test {
    const char *name;
    void (*run)();
};

inline std::vector<Test> all;

inline bool add(const char *name, void (*run)()) {
    all.push_back({name, run});
    return true;
}

[[noreturn]] inline void fail(const char *file, int line, const std::string &what) {
    std::fprintf(stderr, "%s:%d: %s\n", file, line, what.c_str());
    std::exit(1);
}

/* A value that must be there. */
template <class T>
T take(const char *file, int line, dlbridge::Expected<T> &&expected) {
    if (!expected)
        fail(file, line, std::string("failed: ") + expected.error().what());
    if constexpr (!std::is_void_v<T>)
        return *std::move(expected);
}

template <class T>
void refuse(const char *file, int line, const dlbridge::Expected<T> &expected,
            dlbridge_status status, const char *words) {
    if (expected)
        fail(file, line, "did not fail");
    const dlbridge::Error &error = expected.error();
    if (error.status() != status)
        fail(file, line,
             std::string(dlbridge_status_name(error.status())) + ", not " +
                 dlbridge_status_name(status) + ": " + error.what());
    if (std::string(error.what()).find(words) == std::string::npos)
        fail(file, line, std::string(error.what()) + "\ndoes not have the words: " + words);
}

/* Counts the releases of what it is part of. */
struct Counted {
    int *count;
    explicit Counted(int &counter) : count(&counter) {}
    Counted(Counted &&other) noexcept : count(std::exchange(other.count, nullptr)) {}
    ~Counted() {
        if (count != nullptr)
            ++*count;
    }
};

} // namespace test

#define TEST(name)                                                                                 \
    static void test_##name();                                                                     \
    static const bool registered_##name = test::add(#name, test_##name);                           \
    static void test_##name()

#define CHECK(...) ((__VA_ARGS__) ? (void)0 : test::fail(__FILE__, __LINE__, #__VA_ARGS__))

/* The value of an Expected that must have one. */
#define TAKE(...) test::take(__FILE__, __LINE__, __VA_ARGS__)

/* An Expected that must have an error with this status and these words. */
#define REFUSED(status, words, ...)                                                                \
    test::refuse(__FILE__, __LINE__, __VA_ARGS__, DLBRIDGE_ERROR_##status, words)

#endif
