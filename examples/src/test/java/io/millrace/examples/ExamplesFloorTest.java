package io.millrace.examples;

import static com.tngtech.archunit.base.DescribedPredicate.not;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.type;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;

import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;
import io.millrace.memory.BadInputException;

/** Examples are what a program of somebody else's can be. */
@AnalyzeClasses(
        packages = "io.millrace.examples",
        importOptions = ImportOption.DoNotIncludeTests.class)
final class ExamplesFloorTest {
    @ArchTest
    static final ArchRule examplesUseWhatIsPromisedAlone =
            noClasses()
                    .that()
                    .resideInAPackage("io.millrace.examples..")
                    .should()
                    .dependOnClassesThat(
                            resideInAPackage("io.millrace..")
                                    .and(
                                            not(
                                                    resideInAnyPackage(
                                                                    "io.millrace.api..",
                                                                    "io.millrace.stream..",
                                                                    "io.millrace.examples..")
                                                            .or(type(BadInputException.class)))));
}
