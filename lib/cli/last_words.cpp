#include "cli/last_words.h"

#include <errno.h>
#include <sys/uio.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <exception>
#include <new>
#include <string_view>
#include <system_error>

#include "base/error.h"

namespace stream::cli {
namespace {

constexpr std::string_view kText =
    ": out of memory\n"
    "hint: give it more (ulimit -v, MemoryMax= of its unit) or run less beside it; what was "
    "written so far is kept\n";
constexpr std::string_view kJson =
    R"({"error":{"code":1,"id":"memory.exhausted","message":"out of memory","hint":"give it more )"
    R"((ulimit -v, MemoryMax= of its unit) or run less beside it; what was written so far is )"
    "kept\"}}\n";
static_assert(static_cast<int>(Exit::kNo) == 1);

std::atomic<bool> as_json{false};

iovec part(std::string_view text) {
  return {const_cast<char*>(text.data()), text.size()};
}

// Whether that is what nobody caught. Threads that can't begin for want of a stack are meant too.
bool is_exhaustion() {
  if (!std::current_exception()) return false;
  try {
    throw;
  } catch (const std::bad_alloc&) {
    return true;
  } catch (const std::system_error& e) {
    return e.code() == std::errc::resource_unavailable_try_again ||
           e.code() == std::errc::not_enough_memory;
  } catch (...) {
    return false;
  }
}

std::terminate_handler g_default = nullptr;

[[noreturn]] void end() {
  if (is_exhaustion()) ::_exit(out_of_memory());
  g_default();
  std::abort();
}

// Before main(), where options are declared, and before all objects that are made there, libraries'
// among them: what those throw nobody can catch.
[[gnu::constructor(101)]] void install() {
  g_default = std::set_terminate(end);
}

}  // namespace

void set_last_words_json(bool json) {
  as_json = json;
}

int out_of_memory() noexcept {
  const iovec parts[] = {part(program_invocation_short_name), part(kText), part(kJson)};
  if (::writev(2, parts, as_json ? 3 : 2) < 0) return static_cast<int>(Exit::kNo);
  return static_cast<int>(Exit::kNo);
}

}  // namespace stream::cli
