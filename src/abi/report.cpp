// SPDX-License-Identifier: MIT
#include <memory>

#include "abi/guard.h"
#include "abi/handles.h"
#include "core/report/json.h"
#include "core/service/snapshot.h"

using kerberos::abi::guarded;
using kerberos::abi::text;

extern "C" {

size_t kerberos_service_names(kerberos_process* process, char* names, size_t room) {
  const auto generation = process->process.generation();
  size_t length = 0;
  for (const auto& service : generation.services()) {
    if (service.origin != kerberos::registry::Origin::kFile) continue;
    if (length != 0) length += kerberos::abi::copy(", ", names + length, room - length);
    length += kerberos::abi::copy(generation.text(service.name), names + length, room - length);
  }
  return length;
}

kerberos_result kerberos_status_json(kerberos_process* process, int64_t now, int64_t unix_ms,
                                     int64_t pid, size_t used, kerberos_document** document) {
  return guarded([&] {
    auto made = std::make_unique<kerberos_document_s>();
    made->text = kerberos::report::to_json(kerberos::service::take_snapshot(process->process, now),
                                           {unix_ms, pid, used});
    *document = made.release();
    return KERBEROS_OK;
  });
}

kerberos_text kerberos_document_text(const kerberos_document* document) {
  return text(document->text);
}

void kerberos_document_free(kerberos_document* document) {
  delete document;
}

}  // extern "C"
