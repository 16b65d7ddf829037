#include "server/cli/console.h"

#include <unistd.h>

#include <cstdio>
#include <iostream>

#include "server/cli/json_writer.h"

namespace kith {

void Console::print(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
}

void Console::print_line(std::string_view text) {
  print(text);
  print("\n");
}

void Console::note(std::string_view text) {
  if (!quiet && !json) std::fprintf(stderr, "%.*s\n", static_cast<int>(text.size()), text.data());
}

void Console::error(const Error& error) {
  if (json) {
    JsonWriter out;
    out.begin_object().key("error").begin_object();
    out.field("code", code_name(error.code)).field("message", error.message).end_object().end_object();
    std::fprintf(stderr, "%s\n", out.str().c_str());
  } else {
    std::fprintf(stderr, "kith: %s\n", error.message.c_str());
  }
}

bool Console::flush() {
  return std::fflush(stdout) == 0 && std::ferror(stdout) == 0;
}

bool Console::progress_wanted() const {
  return !quiet && (!json || stderr_is_terminal());
}

bool Console::stderr_is_terminal() const {
  return isatty(STDERR_FILENO) == 1;
}

bool Console::stdin_is_terminal() const {
  return isatty(STDIN_FILENO) == 1;
}

void Console::draw(std::string_view line) {
  std::fwrite(line.data(), 1, line.size(), stderr);
  std::fflush(stderr);
}

bool Console::confirm(std::string_view question) {
  std::fprintf(stderr, "%.*s [y/N] ", static_cast<int>(question.size()), question.data());
  std::string answer;
  if (!std::getline(std::cin, answer)) return false;
  return answer == "y" || answer == "Y" || answer == "yes";
}

}  // namespace kith
