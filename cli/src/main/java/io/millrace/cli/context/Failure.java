package io.millrace.cli.context;

import io.millrace.executor.peer.PeerLostException;
import io.millrace.executor.step.DivergedException;
import io.millrace.memory.BadInputException;
import io.millrace.memory.OffloadException;
import io.millrace.prefetch.FeedException;
import io.millrace.telemetry.json.JsonFormatException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeoutException;

/**
 * Any failure as an exit code and one line: the only place where the command judges exceptions.
 *
 * @param exitCode what the shell gets
 * @param line what a person reads
 */
public record Failure(int exitCode, String line) {
    public static Failure of(Throwable thrown) {
        return switch (thrown) {
            case UncheckedIOException wrapper -> ofWrapped(wrapper);
            case ExecutionException wrapper when wrapper.getCause() != null ->
                    of(wrapper.getCause());
            case ExceptionInInitializerError wrapper when wrapper.getCause() != null ->
                    of(wrapper.getCause());
            case BadInputException e -> badInput(e.getMessage());
            case JsonFormatException e -> badInput("malformed JSON: " + e.getMessage());
            case NoSuchFileException e ->
                    badInput(e.getFile() + ": does not exist; check the path");
            case AccessDeniedException e ->
                    badInput(e.getFile() + ": access denied; check its permissions");
            case NotDirectoryException e ->
                    badInput(e.getFile() + ": is not a folder; check the path");
            case FileAlreadyExistsException e ->
                    badInput(e.getFile() + ": exists already; give another path");
            case DirectoryNotEmptyException e ->
                    badInput(e.getFile() + ": is not empty; give another folder");
            case IOException e when text(e).contains("Too many open files") ->
                    badInput(
                            "ulimit -n: "
                                    + text(e)
                                    + "; raise the limit of open files, such as to 4096");
            case IOException e -> failed("input or output failed: " + text(e));
            case OffloadException e -> failed(e.getMessage());
            case FeedException e when isOfTheDrive(e.getCause()) ->
                    failed(e.getMessage() + "; --resume goes on from the journal");
            case DivergedException e -> failed(e.getMessage());
            case PeerLostException e ->
                    failed(e.getMessage() + "; --resume goes on from the journal");
            case OutOfMemoryError e ->
                    failed(
                            "out of memory ("
                                    + text(e)
                                    + "); lower the batch or the budgets, or raise the heap with"
                                    + " MILLRACE_JAVA_OPTS=-Xmx4g");
            case UnsatisfiedLinkError e -> failed("a native library is missing: " + text(e));
            default ->
                    failed(
                            "internal error: "
                                    + thrown.getClass().getSimpleName()
                                    + ": "
                                    + text(thrown)
                                    + "; run again with --debug");
        };
    }

    /** Whether what moves blocks has failed, and not the program. */
    private static boolean isOfTheDrive(Throwable cause) {
        return cause instanceof OffloadException || cause instanceof TimeoutException;
    }

    /** A wrapper may name the file that its cause does not. */
    private static Failure ofWrapped(UncheckedIOException wrapper) {
        IOException cause = wrapper.getCause();
        boolean says = !cause.toString().equals(wrapper.getMessage());
        return says && !(cause instanceof FileSystemException)
                ? failed(text(wrapper) + ": " + text(cause))
                : of(cause);
    }

    public static Failure badInput(String what) {
        return new Failure(ExitCode.BAD_INPUT, oneLine(what));
    }

    private static Failure failed(String what) {
        return new Failure(ExitCode.FAILED, oneLine(what));
    }

    private static String text(Throwable thrown) {
        return thrown.getMessage() == null ? "no message" : thrown.getMessage();
    }

    /** One line, whatever a file's names have in them: a terminal is told nothing but text. */
    private static String oneLine(String message) {
        return "millrace: "
                + message.strip().replaceAll("\\s*\\R\\s*", " ").replaceAll("\\p{Cntrl}", "?");
    }
}
