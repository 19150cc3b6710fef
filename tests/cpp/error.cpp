/* Expected, Error, and exceptions at the border to C. */
#include "test.hpp"

#include <memory>

using dlbridge::Expected;

TEST(error_has_status_and_sentence) {
    const dlbridge::Error error(DLBRIDGE_ERROR_SHAPE, "a sentence");
    CHECK(error.status() == DLBRIDGE_ERROR_SHAPE && std::string(error.what()) == "a sentence");
    const std::runtime_error &base = error;
    CHECK(std::string(base.what()) == "a sentence");
}

TEST(expected_holds_one_or_the_other) {
    Expected<std::unique_ptr<int>> value = std::make_unique<int>(7);
    CHECK(value && **value == 7 && *value->get() == 7);
    const std::unique_ptr<int> taken = *std::move(value);
    CHECK(*taken == 7);

    const Expected<int> error = dlbridge::Error(DLBRIDGE_ERROR_INDEX, "too far");
    CHECK(!error && error.error().status() == DLBRIDGE_ERROR_INDEX);
    const Expected<void> nothing = std::monostate();
    CHECK(static_cast<bool>(nothing));
}

TEST(what_an_expected_that_ends_holds_is_moved_or_copied_out) {
    const dlbridge::Error &kept = dlbridge::try_empty<float>({-2}).error();
    CHECK(kept.status() == DLBRIDGE_ERROR_SHAPE);
    CHECK(std::string(kept.what()).find("-2") != std::string::npos);
    auto &&tensor = *dlbridge::try_empty<float>({2});
    CHECK(tensor.size() == 2);
    // A view owns nothing that could end.
    CHECK(dlbridge::TensorView::try_from(tensor.get())->size() == 2);
}

TEST(error_of_the_library_keeps_its_sentence) {
    REFUSED(NULL, "NULL", dlbridge::TensorView::try_from(static_cast<DLTensor *>(nullptr)));
}

#ifndef DLBRIDGE_NO_EXCEPTIONS

TEST(value_throws) {
    Expected<int> seven = 7;
    seven.value() = 8;
    CHECK(Expected<int>(seven).value() == 8);
    try {
        Expected<void>(dlbridge::Error(DLBRIDGE_ERROR_INDEX, "too far")).value();
        CHECK(false);
    } catch (const dlbridge::Error &error) {
        CHECK(error.status() == DLBRIDGE_ERROR_INDEX && std::string(error.what()) == "too far");
    }
}

TEST(guard_turns_exceptions_into_statuses) {
    CHECK(dlbridge::guard([] {}) == DLBRIDGE_OK);
    CHECK(dlbridge::guard([] { dlbridge::empty<int>({-1}); }) == DLBRIDGE_ERROR_SHAPE);
    CHECK(std::string(dlbridge_last_error()).find("-1") != std::string::npos);
    CHECK(dlbridge::guard([] { throw std::bad_alloc(); }) == DLBRIDGE_ERROR_MEMORY);
    CHECK(dlbridge::guard([] { throw 7; }) == DLBRIDGE_ERROR_INTERNAL);
    CHECK(std::string(dlbridge_last_error()).find("no std::exception") != std::string::npos);
    CHECK(dlbridge::guard([] { throw std::runtime_error("mine"); }) == DLBRIDGE_ERROR_INTERNAL);
    CHECK(std::string(dlbridge_last_error()) == "mine");
    CHECK(dlbridge::guard([] { throw dlbridge::Error(DLBRIDGE_ERROR_USER, "own"); }) == 1000);
    CHECK(std::string(dlbridge_last_error()) == "own");
}

#endif
