// The command line of `remit`: parses it and calls the command. Returns the exit code.
#pragma once

namespace remit::cli {

int main(int argc, char** argv);

}  // namespace remit::cli
