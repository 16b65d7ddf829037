// Goal: what a client names as the place of its backups is a name below the root, never a path. Method: names
// that have led elsewhere in other servers, and random ones, against a rule written in other words.
#include <gtest/gtest.h>

#include <regex>

#include "base/random.h"
#include "server/api/validate.h"
#include "tests/support/result_matchers.h"

namespace kith {
namespace {

TEST(BackupName, IsANameBelowTheRootOrRefused) {
  const BackupRoot root{"/mnt/backups", false};
  EXPECT_EQ(*backup_directory(root, ""), "/mnt/backups");
  EXPECT_EQ(*backup_directory(root, "nightly-2.of_May"), "/mnt/backups/nightly-2.of_May");
  EXPECT_ERROR(backup_directory({}, "nightly"), Code::kFailedPrecondition, "--backup-root");
  EXPECT_ERROR(backup_directory({}, "../x"), Code::kInvalidArgument, "to: ");
  EXPECT_EQ(*backup_directory({"", true}, "../x"), "../x") << "for those who own the process";
  EXPECT_ERROR(backup_directory({"", true}, ""), Code::kInvalidArgument, "to: ");
  std::vector<std::string> names = {
      ".",   "..",   "../..",  "/",    "/etc", "a/b",      "a//b",         "./a", "a/../b", "a/..",
      "\\",  "a\\b", "%2e%2e", "%2f",  "~",    "~root",    "$HOME",        "`x`", "a;b",    "a b",
      "\t",  "\n",   "a\n",    "\x7f", "ü",    "\xc0\xae", "\xe2\x80\xae", "5",   "12",     "0x1",
      "-rf", "_a",   ".a",     "CON:", "a:b",  "file://x", "\xff",         "a*",  "a?",     "<a>",
      "a|b", "a\"",  "a'",     "a,b",  "a=b",  "a@b",      "a#b",          "a+b", "(a)",    "[a]"};
  names.emplace_back("a\0b", 3);
  names.emplace_back(65, 'a');
  names.emplace_back(4'096, '.');
  for (const std::string& name : names)
    EXPECT_ERROR(backup_directory(root, name), Code::kInvalidArgument, "to: ") << name;
  Random random(8);
  const std::regex rule("[A-Za-z][A-Za-z0-9._-]{0,63}");
  size_t taken = 0;
  for (int i = 0; i < 3'000; ++i) {
    std::string name(1 + random.below(70), ' ');
    for (char& c : name)
      c = random.below(30) == 0 ? static_cast<char>(random.next()) : "aZ9._-"[random.below(6)];
    const auto place = backup_directory(root, name);
    ASSERT_EQ(place.ok(), std::regex_match(name, rule)) << name;
    if (!place.ok()) continue;
    ++taken;
    EXPECT_EQ(*place, "/mnt/backups/" + name);
  }
  EXPECT_GT(taken, 200u);
}

}  // namespace
}  // namespace kith
