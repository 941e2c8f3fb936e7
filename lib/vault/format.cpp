#include "vault/format.h"

#include <algorithm>
#include <cassert>

#include "base/bytes.h"
#include "crypto/encoding.h"

namespace stream::vault {
namespace {

constexpr std::string_view kMagic = "STRVAULT";
constexpr uint8_t kVersion = 1;
constexpr size_t kSealSize = 32;

template <size_t n>
std::array<uint8_t, n> array(ByteReader& in) {
  std::array<uint8_t, n> out{};
  const Bytes bytes = in.bytes(n);
  std::copy(bytes.begin(), bytes.end(), out.begin());
  return out;
}

Fault parse_header(ByteReader& in, Header& header) {
  if (in.text(kMagic.size()) != kMagic) return Fault::kNotVault;
  if (in.u8() != kVersion) return Fault::kVersion;
  const uint8_t source = in.u8();
  const uint16_t reserved = in.u16();
  header.cost = {in.u32(), in.u32()};
  const uint32_t reserved_too = in.u32();
  header.salt = array<crypto::kPasswordSalt>(in);
  if (!in.ok() || source > 1 || reserved != 0 || reserved_too != 0) return Fault::kDamaged;
  header.source = static_cast<KeySource>(source);
  if (header.source == KeySource::kPassphrase)
    return crypto::is_bearable(header.cost) ? Fault::kNone : Fault::kCost;
  return header.cost.passes == 0 && header.cost.memory_kib == 0 ? Fault::kNone : Fault::kDamaged;
}

bool parse_entry(ByteReader& in, Entry& entry) {
  entry.kind = static_cast<Kind>(in.u8());
  entry.name = in.text(in.u8());
  entry.created = in.u64();
  entry.updated = in.u64();
  entry.expires = in.u64();
  entry.nonce = array<crypto::kSealNonce>(in);
  const size_t size = in.u32();
  if (size < crypto::kSealTag || size > kMaxValue + crypto::kSealTag || size > in.remaining())
    return false;
  const Bytes sealed = in.bytes(size);
  entry.sealed.assign(sealed.begin(), sealed.end());
  return in.ok() && is_entry_name(entry.name);
}

crypto::LockedBytes sub_key(Bytes root, std::string_view label, const Header& header) {
  const auto bytes = header.bytes();
  crypto::Digest digest = crypto::keyed_hash(root, label, bytes);
  auto key = crypto::LockedBytes::copy(digest);
  explicit_bzero(digest.data(), digest.size());
  return key;
}

void write_entry(ByteWriter& out, const Entry& entry) {
  out.bytes(entry.label());
  out.bytes(entry.nonce);
  out.u32(static_cast<uint32_t>(entry.sealed.size()));
  out.bytes(entry.sealed);
}

}  // namespace

std::array<uint8_t, kHeaderSize> Header::bytes() const {
  ByteWriter out;
  out.text(kMagic);
  out.u8(kVersion);
  out.u8(static_cast<uint8_t>(source));
  out.u16(0);
  out.u32(cost.passes);
  out.u32(cost.memory_kib);
  out.u32(0);
  out.bytes(salt);
  std::array<uint8_t, kHeaderSize> bytes;
  assert(out.size() == bytes.size());
  std::copy(out.view().begin(), out.view().end(), bytes.begin());
  return bytes;
}

std::vector<uint8_t> Entry::label() const {
  ByteWriter out;
  out.u8(static_cast<uint8_t>(kind));
  out.u8(static_cast<uint8_t>(name.size()));
  out.text(name);
  out.u64(created);
  out.u64(updated);
  out.u64(expires);
  return out.take();
}

bool is_entry_name(std::string_view name) {
  const auto plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  return !name.empty() && name.size() <= 127 && plain(name[0]) &&
         name.find("..") == std::string_view::npos &&
         std::all_of(name.begin(), name.end(),
                     [&](char c) { return plain(c) || c == '.' || c == '_' || c == '-'; });
}

Parsed parse(Bytes bytes) {
  ByteReader in(bytes);
  Parsed parsed;
  File& file = parsed.file;
  parsed.fault = bytes.size() > kMaxFile ? Fault::kDamaged : parse_header(in, file.header);
  if (parsed.fault != Fault::kNone) return parsed;
  parsed.fault = Fault::kDamaged;
  file.check = array<16>(in);
  file.generation = in.u64();
  const size_t count = in.u32();
  if (!in.ok() || count > kMaxEntries) return parsed;
  for (size_t i = 0; i < count; ++i) {
    Entry entry;
    if (!parse_entry(in, entry)) return parsed;
    if (!file.entries.empty() && file.entries.back().name >= entry.name) return parsed;
    file.entries.push_back(std::move(entry));
  }
  file.seal = array<kSealSize>(in);
  if (in.ok() && in.remaining() == 0) parsed.fault = Fault::kNone;
  return parsed;
}

Keys::Keys(const Header& header, Bytes root)
    : entries_(sub_key(root, "stream-vault entries", header)),
      whole_(sub_key(root, "stream-vault file", header)) {
  const crypto::LockedBytes check = sub_key(root, "stream-vault check", header);
  std::copy_n(check.view().begin(), check_.size(), check_.begin());
}

bool Keys::match(const File& file) const {
  return file.check == check_;
}

bool Keys::intact(Bytes file) const {
  if (file.size() < kSealSize) return false;
  const size_t size = file.size() - kSealSize;
  const auto digest = crypto::keyed_hash(whole_.view(), "", file.first(size));
  return std::equal(digest.begin(), digest.end(), file.begin() + static_cast<ptrdiff_t>(size));
}

std::vector<uint8_t> Keys::write(File& file) const {
  assert(file.entries.size() <= kMaxEntries);
  file.check = check_;
  ByteWriter out;
  out.bytes(file.header.bytes());
  out.bytes(file.check);
  out.u64(file.generation);
  out.u32(static_cast<uint32_t>(file.entries.size()));
  for (const Entry& entry : file.entries) write_entry(out, entry);
  file.seal = crypto::keyed_hash(whole_.view(), "", out.view());
  out.bytes(file.seal);
  return out.take();
}

std::optional<crypto::LockedBytes> Keys::open(const Entry& entry) const {
  return crypto::unseal(entries_.view(), entry.nonce, entry.label(), entry.sealed);
}

void Keys::close(Entry& entry, Bytes value) const {
  assert(value.size() <= kMaxValue);
  if (entry.nonce == crypto::Nonce{}) crypto::fill_random(entry.nonce);
  entry.sealed = crypto::seal(entries_.view(), entry.nonce, entry.label(), value);
}

}  // namespace stream::vault
