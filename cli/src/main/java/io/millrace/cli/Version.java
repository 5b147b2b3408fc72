package io.millrace.cli;

import io.millrace.executor.run.ProgramVersion;
import picocli.CommandLine.IVersionProvider;

/** The version that the build wrote, and that of the JVM. */
final class Version implements IVersionProvider {
    @Override
    public String[] getVersion() {
        return new String[] {"millrace " + ProgramVersion.get() + ", Java " + Runtime.version()};
    }
}
