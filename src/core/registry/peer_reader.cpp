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

struct Draft {
  PeerReading& reading;
  base::Problems& problems;
  bool has_url = false;
};

void take_url(Draft& draft, const Node& node) {
  draft.has_url = true;
  UrlReading url = parse_url(node.text);
  if (url.url) {
    draft.reading.tls = url.url->tls;
    draft.reading.peer.target = std::move(url.url->target);
    return;
  }
  const std::string what = url.secret ? "invalid URL" : "invalid URL " + quoted(node.text);
  draft.problems.push_back({node.place, what + " (" + url.refusal + ")"});
}

void read_url(Draft& draft, const Field& field) {
  draft.has_url = true;
  if (text_of(field, kUrlForms, draft.problems)) take_url(draft, field.value);
}

void read_id(Draft& draft, const Field& field) {
  const auto id = text_of(field, kNameForm, draft.problems);
  if (!id) return;
  if (!is_name(*id)) return report_invalid(field, kNameForm, draft.problems);
  draft.reading.peer.id = *id;
  draft.reading.id_place = field.value.place;
}

void read_weight(Draft& draft, const Field& field) {
  Peer& peer = draft.reading.peer;
  peer.weight = whole_number_of(field, 1, kWeightMax, draft.problems).value_or(peer.weight);
}

void read_max_conns(Draft& draft, const Field& field) {
  Peer& peer = draft.reading.peer;
  peer.max_conns = whole_number_of(field, 0, kMaxConnsMax, draft.problems).value_or(peer.max_conns);
}

void read_backup(Draft& draft, const Field& field) {
  Peer& peer = draft.reading.peer;
  peer.backup = boolean_of(field, draft.problems).value_or(peer.backup);
}

void read_down(Draft& draft, const Field& field) {
  Peer& peer = draft.reading.peer;
  peer.down = boolean_of(field, draft.problems).value_or(peer.down);
}

constexpr std::array kPeerKeys = {
    Known<Draft>{"url", read_url},   Known<Draft>{"weight", read_weight},
    Known<Draft>{"id", read_id},     Known<Draft>{"backup", read_backup},
    Known<Draft>{"down", read_down}, Known<Draft>{"max_conns", read_max_conns},
};

}  // namespace

PeerReading read_peer(const Node& node, base::Problems& problems) {
  PeerReading reading;
  reading.peer.place = node.place;
  Draft draft{reading, problems};
  switch (node.kind) {
    case Kind::kScalar:
      take_url(draft, node);
      break;
    case Kind::kMap:
      read_map(node, kPeerKeys, draft, problems);
      if (!draft.has_url) {
        problems.push_back({node.place, "peer without \"url\" (" + std::string(kUrlForms) + ")"});
      }
      break;
    case Kind::kNothing:
      problems.push_back({node.place, "empty peer (a URL or a mapping)"});
      break;
    case Kind::kSequence:
      problems.push_back({node.place, "peer that is a list (a URL or a mapping)"});
      break;
  }
  return reading;
}

}  // namespace kerberos::registry
