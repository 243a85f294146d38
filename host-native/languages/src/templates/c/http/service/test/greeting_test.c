#include "../src/greeting.h"

#include <assert.h>
#include <string.h>

int main(void) {
  char line[64];
  assert(greeting(line, sizeof line, "Ada", 3) == 29);
  assert(strcmp(line, "Hello, Ada! This is visit 3.\n") == 0);
  // What does not fit is cut off.
  assert(greeting(line, 8, "Ada", 3) == 7);
  return 0;
}
