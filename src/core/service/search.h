// SPDX-License-Identifier: MIT
//
// One pick under way: what it is for, and what has been found out so far.
#pragma once

#include "core/base/instant.h"
#include "core/service/service.h"

namespace kerberos::service {

struct Service::Search {
  Request& request;
  base::Instant now;
  Pick result = {};
  bool stale = false;     // somebody stands on the wrong side of the roster
  bool withheld = false;  // a probe that was due, from this request
  bool sparing = false;   // whoever is coming back gets but a part of its share
  bool spared = false;    // somebody was, for that reason
  bool adapting = false;  // whoever achieves less gets but a part of its share
  bool adapted = false;   // somebody was spared for that
  bool crowded = false;   // the last peer had more in flight than the method wanted
  bool panic = false;     // those that are held are in
};

}  // namespace kerberos::service
