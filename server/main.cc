// kith: the command line and the server in one binary; everything lives in server/cli.
#include "server/cli/cli.h"

int main(int argc, char** argv) {
  return kith::run_cli(argc, argv);
}
