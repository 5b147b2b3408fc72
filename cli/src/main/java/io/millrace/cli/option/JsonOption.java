package io.millrace.cli.option;

import picocli.CommandLine.Option;

/** The wish for an answer that a program reads. */
public final class JsonOption {
    @Option(names = "--json", description = "Answer with one JSON object on standard output.")
    private boolean json;

    public boolean wanted() {
        return json;
    }
}
