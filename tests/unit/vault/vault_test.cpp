#include "vault/vault.h"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <thread>

#include "base/error.h"
#include "crypto/encoding.h"
#include "os/atomic_file.h"
#include "os/fd.h"
#include "os/file_lock.h"
#include "os/unix_socket.h"
#include "unit/temp_dir.h"
#include "vault/agent.h"
#include "vault/agent_client.h"
#include "vault/unlock.h"

using namespace stream;
using namespace stream::vault;

namespace {

struct Directory : TempDir {
  std::string file() const { return path + "/vault"; }
};

Header key_header() {
  Header header;
  crypto::fill_random(header.salt);
  return header;
}

Unlock with_key(char digit) {
  return unlock_with(Secret(std::string(64, digit)));
}

Bytes view(const std::string& text) {
  return crypto::bytes_of(text);
}

std::string id_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.id();
  }
  return "nothing";
}

// The example of stream-vault(5): every random byte is known.
std::vector<uint8_t> example_bytes() {
  File file;
  for (size_t i = 0; i < file.header.salt.size(); ++i)
    file.header.salt[i] = static_cast<uint8_t>(i);
  const auto root = crypto::from_hex(std::string(64, '1'));
  const Keys keys(file.header, *root);
  Entry entry{"twitch", Kind::kSecret, 1'700'000'000'000, 1'700'000'000'001, 0, {}, {}};
  for (size_t i = 0; i < entry.nonce.size(); ++i) entry.nonce[i] = static_cast<uint8_t>(0x40 + i);
  keys.close(entry, crypto::bytes_of("live_123_abc"));
  file.entries.push_back(entry);
  file.generation = 2;
  return keys.write(file);
}

}  // namespace

TEST_CASE("vault format") {
  const std::vector<uint8_t> bytes = example_bytes();
  SUBCASE("is the one written down in stream-vault(5)") {
    CHECK(crypto::hex(bytes) ==
          "5354525641554c5401000000000000000000000000000000000102030405060708090a0b0c0d0e0f"
          "d237cf01ae00833909c42666c455ffdf00000000000000020000000100067477697463680000018b"
          "cfe568000000018bcfe568010000000000000000404142434445464748494a4b4c4d4e4f50515253"
          "545556570000001c8271f8fedd5e61874e8bd269ba2af5b26123fa266ecfe809aa8b46ce09ed6bbd"
          "adc5f750686be6a1e145d0b24ff84cfbaf8834646dbcdfc60320038c");
  }
  SUBCASE("is read back") {
    const Parsed parsed = parse(bytes);
    REQUIRE(parsed.fault == Fault::kNone);
    const Keys keys(parsed.file.header, *crypto::from_hex(std::string(64, '1')));
    CHECK(keys.match(parsed.file));
    CHECK(keys.intact(bytes));
    CHECK(keys.open(parsed.file.entries[0])->text() == "live_123_abc");
  }
  SUBCASE("is nothing when cut or longer") {
    for (size_t size = 0; size < bytes.size(); ++size)
      CHECK(parse(Bytes(bytes).first(size)).fault != Fault::kNone);
    auto longer = bytes;
    longer.push_back(0);
    CHECK(parse(longer).fault == Fault::kDamaged);
  }
  SUBCASE("a changed bit anywhere is seen") {
    for (size_t i = 0; i < bytes.size(); ++i) {
      auto changed = bytes;
      changed[i] ^= 1;
      const Parsed parsed = parse(changed);
      if (parsed.fault != Fault::kNone) continue;
      const Keys keys(parsed.file.header, *crypto::from_hex(std::string(64, '1')));
      CHECK_FALSE((keys.match(parsed.file) && keys.intact(changed)));
    }
  }
  SUBCASE("costs are capped before any work") {
    auto hostile = bytes;
    hostile[9] = 1;                               // a passphrase
    CHECK(parse(hostile).fault == Fault::kCost);  // 0 passes
    for (size_t i = 12; i < 20; ++i) hostile[i] = 0xff;
    CHECK(parse(hostile).fault == Fault::kCost);
  }
  SUBCASE("other versions and other files are told apart") {
    auto other = bytes;
    other[8] = 2;
    CHECK(parse(other).fault == Fault::kVersion);
    CHECK(parse(view("no vault at all, but long enough")).fault == Fault::kNotVault);
  }
  SUBCASE("an entry can't be moved to another name, kind, time or vault") {
    const Parsed parsed = parse(bytes);
    const Keys keys(parsed.file.header, *crypto::from_hex(std::string(64, '1')));
    for (int field = 0; field < 5; ++field) {
      Entry entry = parsed.file.entries[0];
      if (field == 0) entry.name = "youtube";
      if (field == 1) entry.kind = Kind::kLogin;
      if (field == 2) entry.created += 1;
      if (field == 3) entry.updated += 1;
      if (field == 4) entry.expires += 1;
      CHECK_FALSE(keys.open(entry));
    }
    CHECK_FALSE(
        Keys(key_header(), *crypto::from_hex(std::string(64, '1'))).open(parsed.file.entries[0]));
  }
}

TEST_CASE("entry names") {
  for (const char* name : {"a", "twitch.main", "k-1_2"}) CHECK(is_entry_name(name));
  for (const std::string& name :
       {std::string(""), std::string("../x"), std::string("a/b"), std::string("A"),
        std::string(".a"), std::string("a..b"), std::string("a\n"), std::string("a\0b", 3),
        std::string(128, 'a')})
    CHECK_FALSE(is_entry_name(name));
}

TEST_CASE("Vault") {
  const Directory dir;
  Vault vault = Vault::create(dir.file(), key_header(), with_key('a'));
  vault.put("one", Kind::kSecret, Secret("first"));
  SUBCASE("keeps what was put, over reopening") {
    const Vault again(dir.file(), with_key('a'));
    CHECK(again.get("one").reveal() == "first");
    CHECK(again.list().size() == 1);
    CHECK(list(dir.file())[0].name == "one");
    CHECK(id_of([&] { again.get("two"); }) == "vault.entry");
    CHECK(id_of([&] { again.get("../two"); }) == "vault.name");
  }
  SUBCASE("another key, a damaged file and an absent one are told apart") {
    CHECK(id_of([&] { Vault(dir.file(), with_key('b')); }) == "vault.key");
    CHECK(id_of([&] { Vault(dir.path + "/none", with_key('a')); }) == "vault.absent");
    std::string text = os::read_file(dir.file());
    text[60] ^= 1;  // the generation
    os::write_file(dir.file(), text, os::Sync::kNo, 0600);
    CHECK(id_of([&] { Vault(dir.file(), with_key('a')); }) == "vault.damaged");
    os::write_file(dir.file(), "", os::Sync::kNo, 0600);
    CHECK(id_of([&] { Vault(dir.file(), with_key('a')); }) == "vault.damaged");
  }
  SUBCASE("two objects do not lose each other's change") {
    Vault other(dir.file(), with_key('a'));
    vault.put("two", Kind::kSecret, Secret("2"));
    other.put("three", Kind::kSecret, Secret("3"));
    vault.reload();
    CHECK(vault.list().size() == 3);
  }
  SUBCASE("the previous generation opens too, until something is removed") {
    vault.put("one", Kind::kSecret, Secret("second"));
    CHECK(Vault(dir.file() + ".previous", with_key('a')).get("one").reveal() == "first");
    CHECK(vault.remove("one"));
    CHECK_FALSE(vault.remove("one"));
    CHECK_FALSE(std::filesystem::exists(dir.file() + ".previous"));
  }
  SUBCASE("a new key opens it and the old one does not") {
    const Header header = key_header();
    vault.rekey(header, with_key('c'));
    CHECK(vault.get("one").reveal() == "first");
    CHECK(Vault(dir.file(), with_key('c')).get("one").reveal() == "first");
    CHECK(id_of([&] { Vault(dir.file(), with_key('a')); }) == "vault.key");
    CHECK_FALSE(std::filesystem::exists(dir.file() + ".previous"));
  }
  SUBCASE("values have a limit, and what a killed writer left is removed") {
    CHECK(id_of([&] { vault.put("big", Kind::kSecret, Secret(std::string(65537, 'x'))); }) ==
          "vault.large");
    os::write_file(dir.file() + ".tmp999-1", "half", os::Sync::kNo, 0600);
    vault.put("big", Kind::kSecret, Secret(std::string(65536, 'x')));
    CHECK_FALSE(std::filesystem::exists(dir.file() + ".tmp999-1"));
  }
  SUBCASE("is never readable for others, whatever the umask") {
    const mode_t before = ::umask(0);
    vault.put("two", Kind::kSecret, Secret("2"));
    ::umask(before);
    struct stat st {};
    REQUIRE(::stat(dir.file().c_str(), &st) == 0);
    CHECK((st.st_mode & 0777) == 0600);
    for (mode_t mode : {0604, 0640, 0666}) {
      ::chmod(dir.file().c_str(), mode);
      CHECK(id_of([&] { Vault(dir.file(), with_key('a')); }) == "file.permissions");
    }
    ::chmod(dir.file().c_str(), 0600);
    ::chmod(dir.path.c_str(), 0777);
    CHECK(id_of([&] { Vault(dir.file(), with_key('a')); }) == "file.permissions");
    ::chmod(dir.path.c_str(), 0700);
    ::symlink(dir.file().c_str(), (dir.path + "/link").c_str());
    CHECK(id_of([&] { Vault(dir.path + "/link", with_key('a')); }) == "file.kind");
    CHECK(id_of([&] { Vault(dir.path, with_key('a')); }) == "file.kind");
    if (::geteuid() == 0) {
      REQUIRE(::chown(dir.file().c_str(), 12345, 12345) == 0);
      CHECK(id_of([&] { Vault(dir.file(), with_key('a')); }) == "file.owner");
    }
  }
  SUBCASE("another instance's lock is waited for") {
    auto lock = std::make_unique<os::FileLock>(dir.file() + ".lock", "the vault");
    std::thread other([&] {
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
      lock.reset();
    });
    vault.put("two", Kind::kSecret, Secret("2"));
    other.join();
    CHECK(vault.list().size() == 2);
  }
}

TEST_CASE("a passphrase opens a vault") {
  const Directory dir;
  Header header = key_header();
  header.source = KeySource::kPassphrase;
  header.cost = {1, 8 * 1024};
  Vault::create(dir.file(), header, unlock_with(Secret("correct horse")))
      .put("one", Kind::kSecret, Secret("first"));
  CHECK(Vault(dir.file(), unlock_with(Secret("correct horse"))).get("one").reveal() == "first");
  CHECK(id_of([&] { Vault(dir.file(), unlock_with(Secret("correct hors"))); }) == "vault.key");
}

TEST_CASE("the root key of a passphrase, as stream-vault(5) shows it") {
  std::array<uint8_t, 16> salt;
  for (size_t i = 0; i < salt.size(); ++i) salt[i] = static_cast<uint8_t>(i);
  const auto root = crypto::key_from_password("correct horse battery staple", salt, {1, 8192});
  CHECK(crypto::hex(root.view()) ==
        "9aeef75313e585f492c33c5e12d82e9ad253b7dd78632d537e899cd4eddd789c");
}

TEST_CASE("Agent") {
  const Directory dir;
  ::setenv("STREAM_RUNTIME_DIR", dir.path.c_str(), 1);
  const Header header = key_header();
  const std::string root(32, 'r');
  int pipe[2];
  REQUIRE(::pipe(pipe) == 0);
  const os::Fd stop(pipe[0]);
  os::Fd stopper(pipe[1]);
  Agent agent(agent_path(), header, crypto::LockedBytes::copy(view(root)));
  std::thread thread([&] { agent.serve(stop.get(), std::chrono::hours(1)); });

  struct stat st {};
  REQUIRE(::stat(agent_path().c_str(), &st) == 0);
  CHECK((st.st_mode & 0777) == 0600);
  CHECK(ask_agent(header)->text() == root);
  CHECK_FALSE(ask_agent(key_header()));
  CHECK(id_of([&] { Agent(agent_path(), header, {}); }) == "agent.running");
  {
    const os::Fd silent = os::connect_unix(agent_path());
    os::write_all(silent.get(), view("SKA"));
    CHECK(ask_agent(header)->text() == root);  // after at most the silent one's patience
    const os::Fd garbage = os::connect_unix(agent_path());
    os::write_all(garbage.get(), view(std::string(200, 'x')));
    CHECK(ask_agent(header)->text() == root);
  }
  stopper.reset();
  thread.join();
  CHECK_FALSE(agent.serve(-1, std::chrono::milliseconds(0)));
  ::unsetenv("STREAM_RUNTIME_DIR");
}
