// SPDX-License-Identifier: MIT
#include "cli/validate.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <memory>
#include <nlohmann/json.hpp>
#include <ostream>
#include <string_view>

#include "core/registry/env_variables.h"
#include "core/registry/files.h"
#include "core/registry/raw_text.h"
#include "core/registry/telling.h"

namespace kerberos::cli {
namespace {

using registry::Environment;
using registry::FilesReading;
using registry::Source;

Environment environment_of_process() {
  std::vector<std::string_view> entries;
  for (char** entry = environ; *entry != nullptr; ++entry) entries.emplace_back(*entry);
  return Environment(entries);
}

std::string failed(std::string_view what, const std::string& path) {
  const int error = errno;
  return std::string(what) + "() \"" + path + "\" failed (" + std::to_string(error) + ": " +
         std::strerror(error) + ")";
}

// All that comes; where something went wrong, errno says what.
bool read_all(std::FILE* stream, std::string& text) {
  constexpr std::size_t kChunk = 65'536;
  for (;;) {
    const std::size_t size = text.size();
    text.resize(size + kChunk);
    const std::size_t count = std::fread(text.data() + size, 1, kChunk, stream);
    text.resize(size + count);
    if (count < kChunk) return std::ferror(stream) == 0;
  }
}

// A pipe has no size yet: a shell may have put it there ("<(...)").
bool is_file_or_pipe(const std::string& path) {
  struct stat info {};
  if (stat(path.c_str(), &info) != 0) return true;  // to open it tells why
  if (S_ISREG(info.st_mode))
    return static_cast<std::size_t>(info.st_size) <= registry::kTextSizeMax;
  return S_ISFIFO(info.st_mode) || S_ISCHR(info.st_mode);
}

// Why the file cannot be read, in the words of the module; empty: it was.
std::string read_file(const std::string& path, std::string& text) {
  if (!is_file_or_pipe(path)) {
    return "\"" + path + "\" is not a file of at most " +
           std::to_string(registry::kTextSizeMax / 1024 / 1024) + "m";
  }
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> stream(std::fopen(path.c_str(), "rb"),
                                                               std::fclose);
  if (stream == nullptr) return failed("open", path);
  return read_all(stream.get(), text) ? "" : failed("read", path);
}

std::string read_stdin(std::string& text) {
  return read_all(stdin, text) ? "" : failed("read", "<stdin>");
}

// The files' texts. One that cannot be read has its reason among the problems.
std::vector<Source> load(const std::vector<std::string>& files, base::Problems& problems) {
  std::vector<Source> sources;
  for (const std::string& file : files) {
    Source& source = sources.emplace_back(Source{file == "-" ? "<stdin>" : file, {}});
    if (source.is_variable()) continue;
    std::string why = file == "-" ? read_stdin(source.text) : read_file(file, source.text);
    if (why.empty()) continue;
    problems.push_back({.place = {},
                        .text = std::move(why),
                        .source = static_cast<std::uint32_t>(sources.size() - 1)});
  }
  return sources;
}

std::size_t peers_of(const FilesReading& reading) {
  std::size_t peers = 0;
  for (const auto& service : reading.registry.services) peers += service.peers.size();
  return peers;
}

std::string counted(std::size_t count, std::string_view what) {
  return std::to_string(count).append(" ").append(what).append(count == 1 ? "" : "s");
}

// What cannot be read names its file itself.
std::vector<std::string> lines_of(const FilesReading& reading, const std::vector<Source>& sources,
                                  bool unread) {
  if (!unread) return registry::told(reading.problems, sources);
  std::vector<std::string> lines;
  for (const base::Problem& problem : reading.problems) lines.push_back(problem.text);
  return lines;
}

void print_text(const FilesReading& reading, const std::vector<std::string>& lines,
                std::ostream& out) {
  for (const auto& line : lines) out << line << '\n';
  if (const std::string idle = registry::told_idle(reading.idle); !idle.empty()) {
    out << "warning: " << idle << '\n';
  }
  if (reading.problems.empty()) {
    out << "ok: " << counted(reading.registry.services.size(), "service") << ", "
        << counted(peers_of(reading), "peer") << '\n';
  } else {
    out << counted(reading.problems.size(), "error") << "; registry not loaded\n";
  }
}

void print_json(const FilesReading& reading, const std::vector<Source>& sources,
                std::ostream& out) {
  auto problems = nlohmann::ordered_json::array();
  for (const base::Problem& problem : reading.problems) {
    problems.push_back({{"file", sources[problem.source].name},
                        {"line", problem.place.line},
                        {"column", problem.place.column},
                        {"length", problem.length},
                        {"text", problem.text}});
  }
  const bool good = reading.problems.empty();
  nlohmann::ordered_json document = {{"ok", good}, {"problems", std::move(problems)}};
  if (good) {
    document["services"] = reading.registry.services.size();
    document["peers"] = peers_of(reading);
  }
  out << document.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) << '\n';
}

// A text within an annotation: what ends one is written as a URL would have it.
std::string escaped(std::string_view text, std::string_view special) {
  std::string result;
  for (const char c : text) {
    if (special.find(c) == std::string_view::npos) {
      result += c;
    } else {
      char code[4];
      static_cast<void>(std::snprintf(code, sizeof(code), "%%%02X", static_cast<unsigned char>(c)));
      result += code;
    }
  }
  return result;
}

void print_github(const FilesReading& reading, const std::vector<Source>& sources,
                  std::ostream& out) {
  constexpr std::string_view kText = "%\r\n";
  constexpr std::string_view kProperty = "%\r\n:,";
  for (const base::Problem& problem : reading.problems) {
    out << "::error file=" << escaped(sources[problem.source].name, kProperty);
    if (const auto [line, column] = problem.place; line > 0) {
      out << ",line=" << line << ",col=" << column
          << ",endColumn=" << column + static_cast<int>(problem.length);
    }
    out << "::" << escaped(problem.text, kText) << '\n';
  }
}

}  // namespace

bool validate(const std::vector<std::string>& files, Format format, std::ostream& out) {
  const Environment environment = environment_of_process();
  base::Problems unread;
  std::vector<Source> sources = load(files, unread);
  FilesReading reading;
  const bool is_unread = !unread.empty();
  if (!is_unread) {
    sources = registry::with_variables(std::move(sources), environment);
    reading = registry::read_files(sources, environment);
    registry::settle(reading, {});
  } else {
    reading.problems = std::move(unread);
  }
  switch (format) {
    case Format::kText:
      print_text(reading, lines_of(reading, sources, is_unread), out);
      break;
    case Format::kJson:
      print_json(reading, sources, out);
      break;
    case Format::kGithub:
      print_github(reading, sources, out);
      break;
  }
  return reading.problems.empty();
}

}  // namespace kerberos::cli
