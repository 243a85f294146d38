#include "greeting.h"

#include <stdio.h>

int greeting(char *line, int room, const char *name, unsigned long visits) {
  int length = snprintf(line, (size_t)room, "Hello, %.100s! This is visit %lu.\n", name, visits);
  return length < room ? length : room - 1;
}
