// This file lets packages have functions without a body: those that the host has.
