package io.millrace.executor;

import static com.tngtech.archunit.base.DescribedPredicate.not;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

@AnalyzeClasses(packages = "io.millrace", importOptions = ImportOption.DoNotIncludeTests.class)
final class ExecutorFloorsTest {
    @ArchTest
    static final ArchRule onlyDevicesUseBytedeco =
            noClasses()
                    .that()
                    .resideOutsideOfPackages(
                            "io.millrace.executor.cpu..",
                            "io.millrace.executor.cuda..",
                            "io.millrace.memory.cuda..")
                    .should()
                    .dependOnClassesThat()
                    .resideInAPackage("org.bytedeco..");

    @ArchTest
    static final ArchRule nothingBelowKnowsTheExecutor =
            noClasses()
                    .that()
                    .resideOutsideOfPackages(
                            "io.millrace.executor..", "io.millrace.cli..", "io.millrace.bench..")
                    .should()
                    .dependOnClassesThat()
                    .resideInAPackage("io.millrace.executor..");

    @ArchTest
    static final ArchRule operatorsKnowNoProgram =
            noClasses()
                    .that()
                    .resideInAPackage("io.millrace.executor.cpu.op..")
                    .should()
                    .dependOnClassesThat(
                            resideInAPackage("io.millrace.executor..")
                                    .and(not(resideInAPackage("io.millrace.executor.cpu.op..")))
                                    .or(
                                            resideInAnyPackage(
                                                    "io.millrace.prefetch..",
                                                    "io.millrace.optim..",
                                                    "io.millrace.telemetry..")));

    /** Imports go down this list only; rooms on one line do not see each other. */
    private static final List<List<String>> ROOMS =
            List.of(
                    List.of("find", "search", "many", "quantize"),
                    List.of(""),
                    List.of("run"),
                    List.of("plan", "journal", "probe"),
                    List.of("place"),
                    List.of("cpu", "cuda"),
                    List.of("cpu.lowrank", "cuda.lowrank"),
                    List.of("cpu.dense", "cuda.dense"),
                    List.of("cpu.weight", "cuda.weight"),
                    List.of("cpu.scratch", "cuda.kernel"),
                    List.of("schedule", "objective", "spread", "cuda.product", "cuda.compile"),
                    List.of("cpu.gradient.op"),
                    List.of("step", "cpu.op"),
                    List.of("companion"),
                    List.of("config"),
                    List.of("config.data"),
                    List.of("adapter"));

    @TestFactory
    Stream<DynamicTest> importsGoDown() {
        JavaClasses classes =
                new ClassFileImporter()
                        .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
                        .importPackages("io.millrace.executor");
        List<DynamicTest> tests = new ArrayList<>();
        for (int floor = 0; floor < ROOMS.size(); floor++) {
            for (String room : ROOMS.get(floor)) {
                String[] above =
                        ROOMS.subList(0, floor + 1).stream()
                                .flatMap(List::stream)
                                .filter(other -> !other.equals(room))
                                .map(ExecutorFloorsTest::named)
                                .toArray(String[]::new);
                if (above.length > 0) {
                    ArchRule rule =
                            noClasses()
                                    .that()
                                    .resideInAPackage(named(room))
                                    .should()
                                    .dependOnClassesThat()
                                    .resideInAnyPackage(above);
                    tests.add(DynamicTest.dynamicTest(named(room), () -> rule.check(classes)));
                }
            }
        }
        return tests.stream();
    }

    @ArchTest
    static final ArchRule aProcessorKnowsNoCard =
            noClasses()
                    .that()
                    .resideInAPackage("io.millrace.executor.cpu..")
                    .should()
                    .dependOnClassesThat()
                    .resideInAPackage("io.millrace.executor.cuda..");

    @ArchTest
    static final ArchRule aCardKnowsNoProcessor =
            noClasses()
                    .that()
                    .resideInAPackage("io.millrace.executor.cuda..")
                    .should()
                    .dependOnClassesThat()
                    .resideInAPackage("io.millrace.executor.cpu..");

    private static String named(String room) {
        return room.isEmpty() ? "io.millrace.executor" : "io.millrace.executor." + room;
    }

    @ArchTest
    static final ArchRule noCycles =
            slices().matching("io.millrace.(*)..").should().beFreeOfCycles();
}
