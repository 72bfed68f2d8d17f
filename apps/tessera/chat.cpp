#include <unistd.h>

#include <memory>

#include "commands.hpp"
#include "generate/conversation.hpp"
#include "line_reader.hpp"
#include "options.hpp"
#include "output.hpp"
#include "util/error.hpp"
#include "util/interrupt.hpp"

namespace tessera::cli {
namespace {

struct Options {
  generate::ModelChoice choice;
  generate::ConversationOptions conversation;
  int context = 4096;
};

void answer(generate::Conversation& chat, const std::string& message, bool terminal) {
  try {
    chat.reply(message, [&](const std::string& text) {
      write_out(text);
      // On a terminal Ctrl-C stops the answer only; elsewhere the next step ends the program.
      return !terminal || !interrupted();
    });
    write_out("\n");
  } catch (const Interrupted&) {
    if (!terminal) throw;
    write_out("\n");
  } catch (const UserError& error) {
    fmt::print(stderr, "tessera: {}\n", error.what());
  }
  if (terminal) clear_interrupt();
}

void run(Options& o) {
  const bool terminal = isatty(STDIN_FILENO) != 0;
  generate::ModelSession session(o.choice);
  session.load(o.context);
  generate::Generator generator(session.model(), {.users = 1, .trace = o.choice.trace});
  o.conversation.stop_ids = session.stop_ids();
  generate::Conversation chat(generator, session.tokenizer(), session.files(), o.conversation);
  if (terminal)
    fmt::print(stderr, "{}: /reset begins anew, /exit leaves, Ctrl-C stops an answer\n", o.choice.model);

  LineReader lines(STDIN_FILENO);
  while (true) {
    if (terminal) write_out("> ");
    const auto line = lines.next();
    if (!line) break;
    if (*line == "/exit") return;
    if (*line == "/reset") {
      chat.reset();
    } else if (!line->empty()) {
      answer(chat, *line, terminal);
    }
  }
  if (terminal) write_out("\n");
  if (!terminal) check_interrupt();
}

}  // namespace

void add_chat(CLI::App& app) {
  auto* command = app.add_subcommand("chat", "Talk with a model; from a pipe, one message a line");
  command->footer(
      "Examples:\n  tessera chat smollm2-135m\n"
      "  tessera chat smollm2-135m --system \"You answer in one sentence.\" --temperature 0.7\n"
      "  printf 'My name is Ada.\\nWhat is my name?\\n' | tessera chat smollm2-135m\n"
      "A line /reset begins anew, /exit leaves. On a terminal Ctrl-C stops the answer; at the prompt it "
      "leaves.");
  auto o = std::make_shared<Options>();
  add_model_choice(*command, o->choice);
  add_run_switches(*command, o->choice);
  command->add_option("--system", o->conversation.system, "The system message");
  command->add_option("-n,--tokens", o->conversation.max_new_tokens, "Tokens of an answer at most")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command
      ->add_option("--context", o->context,
                   "Positions of the whole conversation; the model's limit bounds it")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  add_sampling_options(*command, o->conversation.sampling);
  command->callback([o] { run(*o); });
}

}  // namespace tessera::cli
