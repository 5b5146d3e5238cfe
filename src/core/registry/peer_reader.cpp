// SPDX-License-Identifier: MIT
#include "core/registry/peer_reader.h"

#include <array>
#include <string>
#include <string_view>

#include "core/registry/url.h"
#include "core/registry/value.h"
#include "core/registry/wording.h"

namespace kerberos::registry {
namespace {

struct Draft : Peer {
  base::Problems* problems = nullptr;
  std::optional<bool> tls;
  base::Place id_place;
  bool has_url = false;
};

using PeerKey = Known<Draft>;

constexpr TextForm kUrlText = {kUrlForms, "^(https?(\\+srv)?://[^/?#@ ]+|unix:/.+)$"};
constexpr KeyRow kId =
    text("id", kNameText, "its address", "Its name in the status, the log and $kerberos_peer.");

void take_url(Draft& draft, const Node& node) {
  draft.has_url = true;
  UrlReading url = parse_url(node.text);
  if (url.url) {
    draft.tls = url.url->tls;
    draft.kind = url.url->kind;
    draft.target = std::move(url.url->target);
    return;
  }
  const std::string what = url.secret ? "invalid URL" : "invalid URL " + quoted(node.text);
  draft.problems->push_back(problem_at(node, what + " (" + url.refusal + ")"));
}

void read_url(Draft& draft, const Field& field) {
  draft.has_url = true;
  if (text_of(field, kUrlForms, *draft.problems)) take_url(draft, field.value);
}

void read_id(Draft& draft, const Field& field) {
  const auto id = text_of(kId, field, *draft.problems);
  if (!id) return;
  draft.id = *id;
  draft.id_place = field.value.place;
}

constexpr std::array kPeerKeys = {
    PeerKey{required(text("url", kUrlText, "",
                          "Where it is, without a path; a missing port is "
                          "the scheme's. SRV records tell addresses, ports, weights and who is a "
                          "backup.")),
            read_url},
    PeerKey{number("weight", 1, kWeightMax, "1", "Its share of the requests, beside the others'."),
            &Draft::weight},
    PeerKey{kId, read_id},
    PeerKey{truth("backup", "false", "Asked only when no other peer can be."), &Draft::backup},
    PeerKey{truth("down", "false", "Not asked at all; shown in the status."), &Draft::down},
    PeerKey{number("max_conns", 0, kMaxConnsMax, "0",
                   "Requests in flight at once, over all workers; 0: no limit."),
            &Draft::max_conns},
};

constexpr auto kPeerRows = rows_of(kPeerKeys);

}  // namespace

std::span<const KeyRow> peer_keys() {
  return kPeerRows;
}

PeerReading read_peer(const Node& node, base::Problems& problems) {
  Draft draft;
  draft.place = node.place;
  draft.problems = &problems;
  switch (node.kind) {
    case Kind::kScalar:
      take_url(draft, node);
      break;
    case Kind::kMap:
      read_map(node, kPeerKeys, draft, problems);
      if (!draft.has_url) {
        problems.push_back(
            problem_at(node, "peer without \"url\" (" + std::string(kUrlForms) + ")"));
      }
      break;
    case Kind::kNothing:
      problems.push_back(problem_at(node, "empty peer (a URL or a mapping)"));
      break;
    case Kind::kSequence:
      problems.push_back(problem_at(node, "peer that is a list (a URL or a mapping)"));
      break;
  }
  return {std::move(draft), draft.tls, draft.id_place};
}

}  // namespace kerberos::registry
