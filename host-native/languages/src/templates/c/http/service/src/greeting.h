// What is said, and to whom: the part that needs no host, so any C compiler can test it.
#ifndef GREETING_H
#define GREETING_H

// Writes one line for a visitor, as far as there is room, and returns its length.
int greeting(char *line, int room, const char *name, unsigned long visits);

#endif
