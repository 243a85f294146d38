// The text of a note: what a request brings, or what it says where to fetch.
#ifndef TEXT_H
#define TEXT_H

#include "selvedge_http.h"

// Zero at first.
struct text {
  SELVEDGE_LOCALS;
  const uint8_t *bytes;
  size_t count;
  // Why there is none; a status of 0 where there is one.
  uint16_t status;
  const char *reason;
  // The URL that the query names, and what came of it.
  char *from;
  selvedge_fetch_t fetch;
};

selvedge_progress_t text_read(selvedge_request_t *request, struct text *my);
void text_free(struct text *text);

#endif
