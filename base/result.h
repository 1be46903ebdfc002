// One error convention for the whole project.
//
// A function that can fail for a reason outside the program returns Result<T>: a value, or an Error whose message says
// what was given, what was allowed and what to do. Exceptions of libraries are turned into a Result where they arise.
// Must stay true: an Error's message is one complete sentence, ready to be shown to a person.
#pragma once

#include <string>
#include <utility>
#include <variant>

namespace undercoat {

struct Error {
    std::string message;
};

template <class T>
class [[nodiscard]] Result {
public:
    Result(T value) : v_(std::in_place_index<0>, std::move(value)) {}
    Result(Error error) : v_(std::in_place_index<1>, std::move(error)) {}

    explicit operator bool() const { return v_.index() == 0; }
    // Precondition of the next four: the Result holds a value.
    T& operator*() { return *std::get_if<0>(&v_); }
    const T& operator*() const { return *std::get_if<0>(&v_); }
    T* operator->() { return std::get_if<0>(&v_); }
    const T* operator->() const { return std::get_if<0>(&v_); }
    // Precondition: the Result holds an error.
    const std::string& error() const { return std::get_if<1>(&v_)->message; }

private:
    std::variant<T, Error> v_;
};

struct Unit {};
using Status = Result<Unit>;

}  // namespace undercoat
