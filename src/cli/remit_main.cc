#include "cli/main.h"

int main(int argc, char** argv) { return remit::cli::main(argc, argv); }
