package io.millrace.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.executor.step.DivergedException;
import io.millrace.memory.BadInputException;
import io.millrace.memory.CorruptDataException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.NoSuchFileException;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

class BadInputTest {
    private static final String TUNE = "tune --model=m --train=t.jsonl --out=o ";

    private final CommandRun command = new CommandRun();

    @ParameterizedTest(name = "{0}")
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '"',
            value = {
                "--steps=-1 | --steps: -1 is too small; give at least 1",
                "--steps=many | '--steps': 'many' is not a whole number",
                "--lr=fast | '--lr': 'fast' is not a number",
                "--lr=-1e-6 | --lr: -1.0E-6 is not a finite number",
                "--lr=nan | '--lr': 'nan' is not a number",
                "--batch-size=1e3 | '1e3' is not a whole number",
                "--queries=99999999999 | '99999999999' is not a whole number up to 2147483647",
                "--eps=0 | --eps: 0.0 is not a finite number above 0",
                "--seed=0xzz | '--seed': '0xzz' is not a seed such as 42 or 0x2a",
                "--seed=0x10000000000000000 | '0x10000000000000000' does not fit 64 bits",
                "--device-budget=18GBs | '18GBs' is not a size such as 18GiB",
                "--host-budget=-1GiB | '-1GiB' is not a size such as 18GiB",
                "--host-budget=0 | --host-budget: a budget of no bytes holds nothing",
                "--nvme-budget=1GiB | --nvme-budget: there is no folder to use it in",
                "--perturbation=uniform | --perturbation: unknown name 'uniform'; known names: gaussian, low-rank, members, projected, rademacher",
                "--perturbation=low-rank --rank=0 | --rank: 0 is too small",
                "--perturbation=low-rank --window=0 | --window: 0 is too small",
                "--perturbation=low-rank --fold-every=7 | --fold-every: 7 does not divide the window",
                "--optimizer=lozo-m | --optimizer: lozo-m does not work with gaussian perturbations",
                "--beta=1.5 | --beta: 1.5 is not a number of at least 0 and below 1",
                "--rank=4 | --rank: gaussian has no use for it; give --perturbation low-rank or members or projected or singular or subspace or tezo, or leave it",
                "--beta=0.5 | --beta: mezo-sgd has no use for it; give --optimizer helene or lozo-m or zo-momentum, or",
                "--rounding=up | 'up' is not one of nearest, stochastic",
                "--matmul=fp4 | 'fp4' is not one of native, tf32, fp8",
                "--lr-schedule=step | --lr-schedule: unknown name 'step'; known names: constant, cosine, linear",
                "--optimizer=adam | --optimizer: unknown name 'adam'; known names:",
                "--dtype=float8 | 'float8' is not float32, bfloat16 or float16",
                "--dtype=int8 | 'int8' is not float32, bfloat16 or float16",
                "--device=tpu | --device: 'tpu' is not a device; give cpu, emulated or cuda:N",
                "--micro-batch=32 | --micro-batch: 32 exceeds the batch of 16",
                "--label-words=good | --label-words: one word cannot tell labels apart",
                "--eval-every=5 | --eval-every: there is nothing to evaluate on",
                "--track=csv,xls | --track: 'xls' is no tracker; give some of csv,",
                "--track=csv,csv | --track: 'csv' is there twice; give each tracker once",
                "--method=adamw --device=cuda:0 | --device: a card has no way back",
                "--method=adamw --tune=lora --adapters=2 | --adapters: the way back of adamw is one run's alone",
                "--method=adamw --eval=e.jsonl --eval-every=2 --keep=best | --keep: adamw's steps cannot be made again of a journal",
                "--method=adamw --fold-every=4 | --fold-every: adamw changes the weights at every step",
                "--method=lisa --mask=random | --mask: adamw changes every element",
                "--method=sgd --objective=accuracy | --objective: only the loss has a gradient",
                "--method=lomo --tune=scales | --tune: scales have no way back",
                "--method=adamw --optimizer=zo-sign | --optimizer: zo-sign makes its steps of losses",
                "--method=adamw --estimator=two-sided | --optimizer: adamw does not work with estimator two-sided",
                "--method=badam --badam-every=0 | --badam-every: 0 is too small",
                "--method=owlore | --block-weights: nothing says how likely each layer is",
                "--trace= | '--trace': the path is empty",
                "--stepz=5 | Unknown option: '--stepz=5'",
                "--lr | Missing required parameter for option '--lr'",
                "--steps=2 --lr=1 --steps=3 | option '--steps' (N) should be specified only once",
                "--lr=1 --lr=2 | option '--lr' (F) should be specified only once",
                "extra | RECIPE: extra is not there; give"
            })
    void tuneRefusesInOneLine(String options, String said) {
        int exitCode = command.run((TUNE + options).split(" "));

        assertThat(exitCode).isEqualTo(2);
        assertThat(command.err.toString())
                .startsWith("millrace: ")
                .contains(said)
                .matches("[^\\n]+; (give|add|see|leave|known names:) [^\\n]+\\n");
        assertThat(command.out.toString()).isEmpty();
        assertThat(command.engine.tuned).isNull();
    }

    @ParameterizedTest(name = "{0}")
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '"',
            value = {
                "\"\" | no command is given; see 'millrace --help'",
                "tun | Unmatched argument at index 0: 'tun', did you mean",
                "eval --model=m | Missing required option: '--data=FILE'; see 'millrace eval --help'",
                "eval --model=m --data=d --metric=f2 | 'f2' is not one of loss, accuracy",
                "generate --model=m --prompt=p --max-new-tokens=0 | --max-new-tokens: 0 is too small",
                "forward --model=m | Missing required options: '--input=FILE', '--output=FILE'",
                "replay --out=o | Missing required options: '--model=DIR', '--journal=FILE'",
                "synth --dtype=float32 --out=o | Missing required argument",
                "synth --arch=a --config=c --dtype=float32 --out=o | mutually exclusive",
                "demo --steps=0 --out=o | samples: the samples are not there"
            })
    void everyCommandRefusesInOneLine(String line, String said) {
        int exitCode = command.run(line.isEmpty() ? new String[0] : line.split(" "));

        assertThat(exitCode).isEqualTo(2);
        assertThat(command.err.toString()).startsWith("millrace: ").contains(said);
        assertThat(command.err.toString().lines()).hasSize(1);
    }

    static Stream<Arguments> failures() {
        return Stream.of(
                failure(
                        new BadInputException("a.json: line 3", "is cut off", "mend it"),
                        2,
                        "millrace: a.json: line 3: is cut off; mend it"),
                failure(
                        new UncheckedIOException(new NoSuchFileException("m/config.json")),
                        2,
                        "millrace: m/config.json: does not exist; check the path"),
                failure(
                        new UncheckedIOException(new AccessDeniedException("/x")),
                        2,
                        "millrace: /x: access denied; check its permissions"),
                failure(
                        new UncheckedIOException(new IOException("No space left on device")),
                        1,
                        "millrace: input or output failed: No space left on device"),
                failure(
                        new UncheckedIOException(new IOException("m: Too many open files")),
                        2,
                        "millrace: ulimit -n: m: Too many open files;"
                                + " raise the limit of open files, such as to 4096"),
                failure(
                        new UncheckedIOException(
                                "j.jsonl cannot be written", new IOException("full")),
                        1,
                        "millrace: j.jsonl cannot be written: full"),
                failure(
                        new CorruptDataException("block 3: checksum\ndiffers"),
                        1,
                        "millrace: block 3: checksum differs"),
                failure(
                        new DivergedException("step 3 has a loss that is not finite"),
                        1,
                        "millrace: step 3 has a loss that is not finite"),
                failure(
                        new IllegalStateException(),
                        1,
                        "millrace: internal error: IllegalStateException: no message;"
                                + " run again with --debug"),
                failure(
                        new ExceptionInInitializerError(new IllegalStateException("x")),
                        1,
                        "millrace: internal error: IllegalStateException: x;"
                                + " run again with --debug"),
                failure(
                        new StackOverflowError(),
                        1,
                        "millrace: internal error: StackOverflowError: no message;"
                                + " run again with --debug"),
                failure(
                        new OutOfMemoryError("Java heap space"),
                        1,
                        "millrace: out of memory (Java heap space); lower the batch or the budgets,"
                                + " or raise the heap with MILLRACE_JAVA_OPTS=-Xmx4g"));
    }

    @ParameterizedTest(name = "{2}")
    @MethodSource("failures")
    void everyFailureIsOneLineAndAnExitCode(Throwable failure, int exitCode, String line) {
        command.engine.failure = failure;

        assertThat(command.run("eval", "--model=m", "--data=d")).isEqualTo(exitCode);
        assertThat(command.err.toString()).isEqualTo(line + "\n");
    }

    @Test
    void showsTheStackTraceWithDebugOnly() {
        command.engine.failure = new IllegalStateException("broken");

        command.run("eval", "--model=m", "--data=d", "--debug");
        assertThat(command.err.toString()).contains("\tat io.millrace.cli");

        command.run("--debug", "eval", "--model=m", "--data=d");
        assertThat(command.err.toString()).contains("\tat io.millrace.cli");
    }

    private static Arguments failure(Throwable failure, int exitCode, String line) {
        return Arguments.of(failure, exitCode, line);
    }
}
