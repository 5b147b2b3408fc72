package io.millrace.cli;

import picocli.CommandLine.Option;

/** The wish for an answer that a program reads. */
final class JsonOption {
    @Option(names = "--json", description = "Answer with one JSON object on standard output.")
    private boolean json;

    boolean wanted() {
        return json;
    }
}
