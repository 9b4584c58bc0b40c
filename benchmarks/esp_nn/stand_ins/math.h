/* math.h: of the library's files that are built none calls a function of it. */
