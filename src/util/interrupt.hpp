#pragma once
// Ctrl-C as an ordinary error: the handler only sets a flag; long loops call check_interrupt() at points
// where nothing is half-written.

namespace tessera {

/// Installs the SIGINT/SIGTERM handler. A second signal ends the process at once; files that
/// are being written (AtomicFile) are removed first.
void install_interrupt_handler();

/// True after a signal.
bool interrupted();

/// Forgets a signal that was acted upon (a chat goes on after an answer was stopped).
void clear_interrupt();

/// Throws Interrupted after a signal.
void check_interrupt();

}  // namespace tessera
