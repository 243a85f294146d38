// Makes answers: all of them are JSON.
#ifndef ANSWER_H
#define ANSWER_H

#include "selvedge_http.h"

void answer_note(selvedge_response_t *response, uint16_t status, const char *id, const uint8_t *text, size_t count);
void answer_list(selvedge_response_t *response, const selvedge_keyvalue_store_page_t *page);
// The reason is for people, and has nothing in it that JSON would escape.
void answer_refusal(selvedge_response_t *response, uint16_t status, const char *reason);
void answer_method(selvedge_response_t *response, const char *allow);
void answer_store_failed(selvedge_response_t *response);

#endif
