#include "answer.h"

static void begin(selvedge_response_t *response, uint16_t status) {
  response->status = status;
  selvedge_header(response, "content-type", "application/json");
}

// A text as JSON has it. Runs of what needs no escape are written as they are.
static void write_string(selvedge_response_t *response, const uint8_t *text, size_t count) {
  selvedge_write(response, "\"", 1);
  size_t begin = 0;
  for (size_t i = 0; i < count; i++) {
    if (text[i] >= 0x20 && text[i] != '"' && text[i] != '\\') continue;
    selvedge_write(response, text + begin, i - begin);
    begin = i + 1;
    if (text[i] < 0x20) selvedge_print(response, "\\u%04x", text[i]);
    else selvedge_print(response, "\\%c", text[i]);
  }
  selvedge_write(response, text + begin, count - begin);
  selvedge_write(response, "\"", 1);
}

void answer_note(selvedge_response_t *response, uint16_t status, const char *id, const uint8_t *text, size_t count) {
  begin(response, status);
  selvedge_print(response, "{\"id\":\"%s\",\"text\":", id);
  write_string(response, text, count);
  selvedge_write(response, "}", 1);
}

void answer_list(selvedge_response_t *response, const selvedge_keyvalue_store_page_t *page) {
  begin(response, 200);
  selvedge_write(response, "[", 1);
  for (size_t i = 0; i < page->keys.len; i++) {
    if (i > 0) selvedge_write(response, ",", 1);
    write_string(response, page->keys.ptr[i].name.ptr, page->keys.ptr[i].name.len);
  }
  selvedge_write(response, "]", 1);
}

void answer_refusal(selvedge_response_t *response, uint16_t status, const char *reason) {
  begin(response, status);
  selvedge_print(response, "{\"reason\":\"%s\"}", reason);
}

void answer_method(selvedge_response_t *response, const char *allow) {
  selvedge_header(response, "allow", allow);
  answer_refusal(response, 405, "a note cannot do that");
}

void answer_store_failed(selvedge_response_t *response) {
  answer_refusal(response, 500, "the notes cannot be reached, try again");
}
