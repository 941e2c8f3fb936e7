#include "archive/catalog.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <mutex>
#include <thread>
#include <unordered_map>

#include "archive/hash.h"
#include "base/error.h"
#include "base/text.h"
#include "base/time.h"
#include "os/atomic_file.h"
#include "os/dirs.h"
#include "os/fd.h"
#include "os/file_lock.h"

namespace stream::archive {

namespace {

constexpr char kFolder[] = "_catalog/";
constexpr char kHead[] = "#stream.archive.index/1\t";
constexpr size_t kMaxIndex = size_t{1} << 30;
constexpr int kReaders = 8;

// A cell of the index: tabs and line ends can't be in it.
std::string cell(std::string text) {
  for (char& c : text)
    if (static_cast<unsigned char>(c) < 32) c = ' ';
  return text;
}

std::string_view next_cell(std::string_view& line) {
  const size_t tab = std::min(line.find('\t'), line.size());
  const std::string_view out = line.substr(0, tab);
  line.remove_prefix(std::min(tab + 1, line.size()));
  return out;
}

template <typename T>
T number(std::string_view text) {
  T value{};
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

CatalogRow parse_row(std::string_view line) {
  CatalogRow row;
  row.key = next_cell(line);
  row.etag = next_cell(line);
  row.stream = next_cell(line);
  row.id = next_cell(line);
  row.started_ms = number<int64_t>(next_cell(line));
  row.archived_ms = number<int64_t>(next_cell(line));
  row.sequence = number<uint64_t>(next_cell(line));
  row.bytes = number<uint64_t>(next_cell(line));
  row.files = number<uint64_t>(next_cell(line));
  row.duration = number<double>(next_cell(line));
  row.flags = next_cell(line);
  row.owner = next_cell(line);
  row.names = next_cell(line);
  row.json = line;
  return row;
}

}  // namespace

std::string index_line(const std::string& key, const std::string& etag, const CatalogEntry& entry) {
  Json row = to_json(entry);
  for (const char* field : {"schema", "manifest", "files", "allow"}) row.erase(field);
  row["files"] = entry.files.size();
  std::string names;
  for (const CatalogFile& file : entry.files) names += (names.empty() ? "" : " ") + file.path;
  std::string flags;
  if (entry.rights.hidden) flags += 'h';
  if (!entry.rights.is_public) flags += 'p';
  if (entry.held) flags += 'k';
  std::string line = cell(key);
  for (const std::string& value :
       {cell(etag), entry.stream, entry.id, std::to_string(unix_ms(entry.started)),
        std::to_string(unix_ms(entry.archived)), std::to_string(entry.sequence),
        std::to_string(entry.bytes()), std::to_string(entry.files.size()),
        std::to_string(entry.duration), flags, cell(entry.rights.owner), cell(names),
        row.dump(-1, ' ', false, Json::error_handler_t::replace)}) {
    line += "\t" + value;
  }
  return line + "\n";
}

Catalog::Catalog(OpenStore& store, std::string state) : store_(store), state_(std::move(state)) {
  // Two endpoints may have a bucket of one name.
  index_path_ =
      state_ + "/index/" + sha256_of(store_.location.text() + "\n" + store_.endpoint).substr(0, 24);
}

std::string Catalog::key_of(const std::string& stream, const std::string& id) const {
  return store_.key(kFolder + (stream.empty() ? "-" : stream) + "/" + id + ".json");
}

void Catalog::read_index() {
  if (loaded_) return;
  loaded_ = true;
  text_.clear();
  if (::access(index_path_.c_str(), R_OK) == 0) text_ = os::read_file(index_path_, kMaxIndex);
  if (!text_.starts_with(kHead)) text_.clear();
}

size_t Catalog::refresh() {
  os::make_dirs(state_ + "/index");
  const os::FileLock lock(index_path_ + ".lock", "the index of " + store_.location.text(),
                          std::chrono::seconds(60));
  loaded_ = false;
  read_index();
  std::unordered_map<std::string_view, std::string_view> known;  // key -> line
  for (std::string_view rest = text_; !rest.empty();) {
    const size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (!line.empty() && line[0] != '#') known[line.substr(0, line.find('\t'))] = line;
  }
  std::vector<std::string> lines;
  std::vector<Object> changed;
  for_each_object(*store_.store, store_.key(kFolder), [&](const Object& object) {
    if (!object.key.ends_with(".json")) return;
    const auto at = known.find(object.key);
    if (at != known.end() && parse_row(at->second).etag == cell(object.etag))
      lines.emplace_back(std::string(at->second) + "\n");
    else
      changed.push_back(object);
  });
  std::mutex mutex;
  std::atomic<size_t> next{0};
  std::exception_ptr error;
  std::vector<std::thread> readers;
  const auto read = [&] {
    for (size_t i; (i = next++) < changed.size();) {
      try {
        const auto entry = load(changed[i].key);
        const std::lock_guard guard(mutex);
        if (entry) lines.push_back(index_line(changed[i].key, changed[i].etag, *entry));
      } catch (const Error& failure) {
        // One damaged entry must not hide all others; verify and show name it.
        if (failure.id() == "catalog.invalid") continue;
        const std::lock_guard guard(mutex);
        error = std::current_exception();
        return;
      }
    }
  };
  for (size_t i = 0; i < std::min<size_t>(kReaders, changed.size()); ++i)
    readers.emplace_back(read);
  for (std::thread& reader : readers) reader.join();
  if (error) std::rethrow_exception(error);
  std::sort(lines.begin(), lines.end());
  std::string text = kHead + std::to_string(unix_ms(wall_now())) + "\n";
  for (const std::string& line : lines) text += line;
  os::write_file(index_path_, text, os::Sync::kNo, 0600);
  text_ = std::move(text);
  return changed.size();
}

std::vector<CatalogRow> Catalog::rows(Nanoseconds max_age) {
  read_index();
  const int64_t age_ms =
      text_.empty() ? INT64_MAX
                    : unix_ms(wall_now()) -
                          number<int64_t>(std::string_view(text_).substr(sizeof kHead - 1, 20));
  if (text_.empty() || age_ms < 0 || age_ms * 1'000'000 > max_age.count() || age_ms > 1'000'000'000)
    refresh();
  std::vector<CatalogRow> rows;
  rows.reserve(text_.size() / 400);
  bool sorted = true;
  for (std::string_view rest = text_; !rest.empty();) {
    const size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (line.empty() || line[0] == '#') continue;
    rows.push_back(parse_row(line));
    if (rows.size() > 1 && !(rows[rows.size() - 2].key < rows.back().key)) sorted = false;
  }
  if (!sorted) {  // lines appended since: the last of a key counts, one without JSON ends it
    std::stable_sort(rows.begin(), rows.end(),
                     [](const CatalogRow& a, const CatalogRow& b) { return a.key < b.key; });
    std::vector<CatalogRow> last;
    for (const CatalogRow& row : rows) {
      if (!last.empty() && last.back().key == row.key)
        last.back() = row;
      else
        last.push_back(row);
    }
    rows = std::move(last);
  }
  rows.erase(std::remove_if(rows.begin(), rows.end(),
                            [](const CatalogRow& row) { return row.json.empty(); }),
             rows.end());
  return rows;
}

std::optional<CatalogEntry> Catalog::load(const std::string& key) {
  std::string text;
  try {
    text = get_text(*store_.store, key);
  } catch (const Error& error) {
    if (error.id() == "archive.absent") return std::nullopt;
    throw;
  }
  return entry_from_json(Json::parse(text, nullptr, false));
}

CatalogEntry Catalog::find(const std::string& name, Nanoseconds max_age) {
  const size_t slash = name.find('/');
  const std::string id = slash == std::string::npos ? name : name.substr(slash + 1);
  std::vector<std::string> keys;
  for (const CatalogRow& row : rows(max_age))
    if (row.id == id && (slash == std::string::npos || row.stream == name.substr(0, slash)))
      keys.emplace_back(row.key);
  if (keys.size() > 1) {
    throw Error(Exit::kUsage, "archive.ambiguous",
                "more than one stream has a recording " + escaped(name), "name it as STREAM/" + id);
  }
  const auto entry = keys.empty() ? std::nullopt : load(keys[0]);
  if (!entry) {
    throw Error(Exit::kNo, "archive.absent",
                "the catalogue of " + store_.location.text() + " has no recording " + escaped(name),
                "see: stream-archive list --from " + store_.location.text());
  }
  return *entry;
}

void Catalog::append(const std::string& line) {
  os::make_dirs(state_ + "/index");
  const os::FileLock lock(index_path_ + ".lock", "the index of " + store_.location.text(),
                          std::chrono::seconds(60));
  loaded_ = false;
  const os::Fd file(::open(index_path_.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC));
  if (!file) return;  // there is no index yet: it is made when it is needed
  const Bytes bytes{reinterpret_cast<const uint8_t*>(line.data()), line.size()};
  if (os::write_all(file.get(), bytes) != 0) ::unlink(index_path_.c_str());
}

void Catalog::save(const CatalogEntry& entry) {
  const std::string key = key_of(entry.stream, entry.id);
  PutOptions options;
  options.content_type = "application/json";
  const std::string text =
      to_json(entry).dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
  append(index_line(key, store_.store->put(key, source_of(text), options), entry));
}

void Catalog::remove(const CatalogEntry& entry) {
  const std::string key = key_of(entry.stream, entry.id);
  store_.store->remove({key});
  append(key + "\n");
}

uint64_t Catalog::next_sequence(Nanoseconds max_age) {
  uint64_t last = 0;
  for (const CatalogRow& row : rows(max_age)) last = std::max(last, row.sequence);
  return last + 1;
}

}  // namespace stream::archive
